// Law: the door of the lanes' test room: storage in memory, the suites every Storage passes, and lane stores of three authors. Production code does not
// come here.
export { createMemoryStorage } from './memory-storage.ts';
export { appendFileContract, blobsContract, keyValueContract, type StorageUnderTest } from './storage-contract.ts';
export { alice, bob, carol, chain, crypto, gather, mesh, open, reasons, rows, text, words } from './store-kit.ts';
