// Law: the door of the modelled disk.
export { Disk, type DiskProfile, type OperationKind, quickDisk } from './disk.ts';
export { openSimStorage } from './storage.ts';
