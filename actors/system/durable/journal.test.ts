import { journalContract, snapshotsContract } from '../testing/contracts/index.ts';
import { memoryJournal, memoryKeyValue, memorySnapshots } from '../testing/index.ts';
import { keyValueJournal, keyValueSnapshots } from './key-value-journal.ts';

const close = async (): Promise<void> => {};

journalContract('the in-memory journal', {
  async open() {
    const journal = memoryJournal();
    return { journal, reopen: async () => journal, close };
  },
});
journalContract('the journal over a key-value store', {
  async open() {
    const store = memoryKeyValue();
    return { journal: keyValueJournal(store), reopen: async () => keyValueJournal(store), close };
  },
});
snapshotsContract('the in-memory snapshots', {
  async open() {
    const snapshots = memorySnapshots();
    return { snapshots, reopen: async () => snapshots, close };
  },
});
snapshotsContract('the snapshots over a key-value store', {
  async open() {
    const store = memoryKeyValue();
    return { snapshots: keyValueSnapshots(store), reopen: async () => keyValueSnapshots(store), close };
  },
});
