// Law: the door of the lanes' test room: storage in memory, and the suites every Storage passes. Production code does not come here.
export { createMemoryStorage } from './memory-storage.ts';
export { appendFileContract, blobsContract, keyValueContract, type StorageUnderTest } from './storage-contract.ts';
