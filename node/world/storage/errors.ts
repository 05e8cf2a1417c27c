// Law: what the disk refuses is said in words: what happened, in which folder, and what to do about it.

export type StorageErrorCode = 'in_use' | 'full' | 'denied' | 'damaged' | 'closed' | 'busy' | 'failed';

export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const deniedCodes = new Set(['EACCES', 'EPERM', 'EROFS']);

/** The StorageError for what `node:fs` or LevelDB threw while `doing` (as in "could not <doing>") something at `path`. */
export function explain(error: unknown, doing: string, path: string): StorageError {
  if (error instanceof StorageError) return error;
  const chain: { code?: string; message: string }[] = [];
  for (let at: unknown = error; at instanceof Error && chain.length < 8; at = at.cause)
    chain.push(at as Error & { code?: string });
  const has = (test: (link: { code?: string; message: string }) => boolean): boolean => chain.some(test);
  const options = { cause: error };
  if (has((link) => link.code === 'LEVEL_LOCKED')) {
    return new StorageError(
      'in_use',
      `the folder ${path} is in use by another node; stop that node, or give this one a folder of its own`,
      options,
    );
  }
  // LevelDB passes the operating system's error on as text only.
  if (
    has(
      (link) =>
        fullCodes.has(link.code ?? '') ||
        /No space left on device|Disk quota exceeded|File too large/.test(link.message),
    )
  ) {
    return new StorageError(
      'full',
      `could not ${doing}: the disk of ${path} is full. Free some space, then restart the node`,
      options,
    );
  }
  if (has((link) => deniedCodes.has(link.code ?? '') || /Permission denied|Read-only file system/.test(link.message))) {
    return new StorageError(
      'denied',
      `could not ${doing}: this user may not write ${path}. Change its owner or rights, or choose another folder`,
      options,
    );
  }
  if (has((link) => link.code === 'LEVEL_CORRUPTION' || /Corruption:/.test(link.message))) {
    return new StorageError(
      'damaged',
      `could not ${doing}: ${path} is damaged. Move it away and restart: the node fetches its lanes back from its peers`,
      options,
    );
  }
  const why = chain.at(-1)?.message ?? String(error);
  return new StorageError('failed', `could not ${doing} in ${path}: ${why}`, options);
}
