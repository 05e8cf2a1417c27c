// Law: the door of the storage room: the real Storage port over one folder.
export { StorageError, type StorageErrorCode } from './errors.ts';
export { createStorage, type NodeStorage, type StorageOptions } from './storage.ts';
