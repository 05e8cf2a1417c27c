// Law: the version is package.json's, in a clone and in the published package alike.
import { readFileSync } from 'node:fs';

/** From `node/world/` in a clone, from `dist/node/world/` in the package. */
const candidates = ['../../package.json', '../../../package.json'];

export const version: string = (() => {
  for (const candidate of candidates) {
    try {
      const { name, version: found } = JSON.parse(readFileSync(new URL(candidate, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name === 'parley' && found !== undefined) return found;
    } catch {
      // Not there: the other place is tried, and a package without its package.json is no package.
    }
  }
  throw new Error('package.json of parley was not found beside its code');
})();
