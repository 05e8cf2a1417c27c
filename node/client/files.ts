// Law: a node that is asked to plan over files holds them first, whichever node that turns out to be.

import type { BlobReply } from '../gateway/index.ts';
import { callJson } from './socket.ts';

export interface LocalFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Reads from the first byte, anew at each call. */
  open(): AsyncIterable<Uint8Array>;
}

/** Files of this client and the nodes that have been given them. */
export class StoredFiles {
  readonly files: readonly LocalFile[];
  readonly #storedAt = new Map<string, readonly BlobReply[]>();

  constructor(files: readonly LocalFile[]) {
    this.files = files;
  }

  /** The files as the node at `socket` named them, uploading each (streamed, one at a time) where it was not given them before. */
  async at(socket: string, signal?: AbortSignal): Promise<readonly BlobReply[]> {
    const known = this.#storedAt.get(socket);
    if (known !== undefined) return known;
    const replies: BlobReply[] = [];
    for (const file of this.files) {
      const path = `/v1/blobs?name=${encodeURIComponent(file.name)}`;
      replies.push(await callJson<BlobReply>(socket, path, { method: 'PUT', body: file.open(), signal }));
    }
    this.#storedAt.set(socket, replies);
    return replies;
  }

  /** Forget that the node at `socket` was given the files: it said that it lacks them. */
  forget(socket: string): void {
    this.#storedAt.delete(socket);
  }
}
