// Law: the door of the modelled disk.
export { Disk, type DiskImage, type DiskProfile, type OperationKind, quickDisk, slower } from './disk.ts';
export { openSimStorage } from './storage.ts';
