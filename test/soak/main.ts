// Law: a long run says what it measured, and ends with an exit code: 0 where all held.
import { parseArgs } from 'node:util';
import { membershipSoak, type SoakOptions } from './membership.ts';
import { sitesSoak } from './sites.ts';

const soaks: Readonly<Record<string, (options: SoakOptions) => Promise<boolean>>> = {
  membership: membershipSoak,
  sites: sitesSoak,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '30' },
    /** Of the membership run: 60 kills take some ten minutes before the minutes of pauses begin. */
    part: { type: 'string' },
  },
});
const [name = ''] = positionals;
const soak = soaks[name];
const minutes = Number(values.minutes);
const { part } = values;
const isPart = part === undefined || part === 'kills' || part === 'pauses';
if (soak === undefined || !(minutes > 0) || !isPart) {
  console.error(`usage: node test/soak/main.ts ${Object.keys(soaks).join('|')} [--minutes M] [--part kills|pauses]`);
  process.exit(2);
}
const say = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
const held = await soak({ minutes, part, say });
say(held ? 'all held' : 'FAILED');
process.exit(held ? 0 : 1);
