// Law: a case that once broke a law is run first, for good: each file here failed on the code of its day, and passes now.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCaseFile } from './cli/case-file.ts';
import type { Job } from './cli/pool.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
/** Beside the sources in a clone; a package keeps them where they were. */
const folder = existsSync(join(here, 'regressions'))
  ? join(here, 'regressions')
  : join(here, '..', '..', 'sim', 'regressions');

export function regressionJobs(program: string): Job[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.simcase.json'))
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const { name: of, case: simCase, expect } = readCaseFile(path);
      return { name: of, simCase, ...(expect === undefined ? {} : { expect }), command: `${program} replay ${path}` };
    });
}
