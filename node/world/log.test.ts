import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../../test/support/mesh.ts';
import { createLog } from './log.ts';

it('writes what went wrong, not an empty object, where an error is among the fields', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-log-'));
  try {
    const file = join(folder, 'node.log');
    const { log, flush } = createLog({ file, node: 'amber' });
    log('error', 'actor crashed', { kind: 'steward', error: new TypeError('it is undefined') });
    log('error', 'actor crashed', { kind: 'steward', error: 'a thrown text' });
    const lines = await eventually('both lines', () => {
      flush();
      const text = readFileSync(file, 'utf8').trim().split('\n');
      return text.length === 2 ? text.map((line) => JSON.parse(line) as { error: unknown }) : undefined;
    });
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
