// Law: the door of the reports: record a run, write a page about it, or what other tools read.
export { coneOf, vectorClocks } from './causes.ts';
export { shivizPattern, toJsonLines, toShiViz } from './exports.ts';
export { type PageOptions, page } from './page.ts';
export { createRecorder, type Moment, type Recorder, type Recording } from './record.ts';
