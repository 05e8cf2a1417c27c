// Law: the in-memory Storage passes the suite the disk passes.
import { createCrypto } from '../../../test/support/world.ts';
import { hex } from '../../wire/index.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { appendFileContract, blobsContract, keyValueContract, type StorageUnderTest } from './storage-contract.ts';

const crypto = createCrypto();

async function open(): Promise<StorageUnderTest> {
  const storage = createMemoryStorage(crypto);
  const under: StorageUnderTest = { storage, reopen: async () => under, dispose: async () => {} };
  return under;
}

keyValueContract(open);
appendFileContract(open);
blobsContract(open, (content) => hex.encode(crypto.sha256(content)));
