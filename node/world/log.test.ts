import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createLog } from './log.ts';

it('writes what went wrong, not an empty object, where an error is among the fields', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-log-'));
  try {
    const file = join(folder, 'node.log');
    const { log, flush } = createLog({ file, node: 'amber' });
    log('error', 'actor crashed', { kind: 'steward', error: new TypeError('it is undefined') });
    log('error', 'actor crashed', { kind: 'steward', error: 'a thrown text' });
    await flush();
    const lines = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { error: unknown });
    expect(lines).toHaveLength(2);
    expect(lines[0]!.error).toMatchObject({
      type: 'TypeError',
      message: 'it is undefined',
      stack: expect.stringContaining('log.test.ts'),
    });
    expect(lines[1]!.error).toBe('a thrown text');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it.skipIf(!existsSync('/dev/full'))(
  'waits for no full disk: what is refused is let go, and its end comes all the same',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-log-'));
    try {
      const file = join(folder, 'node.log');
      symlinkSync('/dev/full', file);
      const { log, flush } = createLog({ file, node: 'amber' });
      for (let i = 0; i < 100; i++) log('info', 'x'.repeat(1_000));
      await flush();
      log('info', 'one more');
      await flush();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
