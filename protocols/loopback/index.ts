// Law: the door of the in-process transport.
export { createLoopbackHub, type LoopbackHub } from './hub.ts';
