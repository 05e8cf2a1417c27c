// Law: a data set's file is read at this node, for its own skills; what others learn is its name and its columns. A file that changed is a
// new payload; one that cannot be read is a fault of this node, not a judgement about the data.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DataSets } from '../../actors/parts/index.ts';
import type { BlobRef, Sandbox, Storage } from '../../actors/system/index.ts';
import type { DataSet } from '../home/index.ts';

const profileTimeoutMs = 20_000;

export function createDataSets(
  sets: readonly DataSet[],
  ports: { readonly storage: Storage; readonly sandbox: Sandbox; readonly keepPrivate: (digest: string) => void },
): DataSets {
  const stored = new Map<string, { readonly version: string; readonly blob: BlobRef }>();
  const load = async (set: DataSet): Promise<BlobRef> => {
    const { mtimeMs, size } = await stat(set.path).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`data set '${set.name}' cannot be read (${error.code})`);
    });
    const version = `${mtimeMs}/${size}`;
    const known = stored.get(set.name);
    if (known?.version === version) return known.blob;
    const blob = await ports.storage.blobs.write(createReadStream(set.path));
    ports.keepPrivate(blob.digest);
    stored.set(set.name, { version, blob });
    return blob;
  };
  /** Of the payload last examined, by set: they are told every few seconds, and change with the file only. */
  const examined = new Map<string, { readonly digest: string; readonly columns: readonly string[] }>();
  const columnsOf = async (set: DataSet): Promise<readonly string[]> => {
    const blob = await load(set);
    const known = examined.get(set.name);
    if (known?.digest === blob.digest) return known.columns;
    const profile = await ports.sandbox.profile({ name: basename(set.path), blob }, { timeoutMs: profileTimeoutMs });
    const columns = profile.tables[0]?.columns.map((column) => column.name) ?? [];
    examined.set(set.name, { digest: blob.digest, columns });
    return columns;
  };
  return {
    async open(name) {
      const set = sets.find((candidate) => candidate.name === name);
      return set === undefined
        ? undefined
        : { fileName: basename(set.path), blob: await load(set), policy: set.policy };
    },
    async describe() {
      const described: { name: string; columns: readonly string[] }[] = [];
      for (const set of sets) {
        // A table that cannot be read now is still this site's to answer for: it is told by name alone.
        const columns = await columnsOf(set).catch(() => []);
        described.push({ name: set.name, columns });
      }
      return described;
    },
  };
}
