import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mutants } from './list.ts';
import { planted } from './main.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the planted bugs', () => {
  it('are at least thirty, each with a name of its own', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(30);
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  });

  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))('fit today’s code: %s', (_, mutant) => {
    const text = readFileSync(join(root, mutant.file), 'utf8');
    expect(planted(text, mutant)).not.toBe(text);
  });
});
