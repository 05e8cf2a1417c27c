// Law: the door of the CLI room: what can be typed, for whoever checks that a document types it right. The program itself starts in main.ts.
export { buildProgram, type Run } from './program.ts';
