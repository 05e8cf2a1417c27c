// Law: the door of the CLI room: what can be typed, for whoever checks that a document types it right, and how this program speaks, for the
// simulator's commands to speak alike. The program itself starts in main.ts.
export { CliFailure, exitCodes, failureJson, failureText, Interrupted, toFailure } from './failure.ts';
export { programName } from './main.ts';
export { parseDuration } from './parse.ts';
export { buildProgram } from './program.ts';
export { type Column, renderTable } from './table.ts';
export { painter, plainPaint, printable, processTerminal, type Terminal, wantsColour } from './terminal.ts';
