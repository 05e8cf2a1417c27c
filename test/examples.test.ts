// Law: what the documents tell people to type can be typed, what they point at is there, and the certificates in the repository prove what
// they say: to Parley, and to a verifier that was written from docs/protocol.md alone.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { CommanderError } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { draftPaths, parsePlanFile } from '../actors/plan/index.ts';
import { verifyCertificateFile } from '../actors/proof/index.ts';
import { buildProgram } from '../node/cli/index.ts';
import { manifests } from '../node/skills/index.ts';
import { consoleBlocks, parleyArguments, withOutput, wordsOf } from '../tools/documents.ts';
import { createCrypto } from './support/world.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const documents = ['.', 'docs', 'docs/decisions', 'examples', 'examples/data']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.md'))
  .sort();

/** Why the command line would refuse these words, or undefined where it takes them. */
function refusal(words: readonly string[]): string | undefined {
  let isChosen = false;
  const program = buildProgram('parley', '0.0.0', () => {
    isChosen = true;
  });
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  try {
    program.parse([...words], { from: 'user' });
  } catch (error) {
    const { exitCode, message } = error as CommanderError;
    return exitCode === 0 ? undefined : message;
  }
  return isChosen ? undefined : 'no command is chosen';
}

describe('plans', () => {
  const plans = readdirSync(join(root, 'examples/plans'));

  test.each(plans)('examples/plans/%s is a plan, and the files it names are there', (name) => {
    const parsed = parsePlanFile(read(join('examples/plans', name)), name, manifests);
    expect(parsed).toMatchObject({ kind: 'draft' });
    if (parsed.kind !== 'draft') return;
    for (const path of draftPaths(parsed.draft))
      expect(existsSync(join(root, 'examples/plans', path)), path).toBe(true);
  });
});

describe('documents', () => {
  const commands = documents.flatMap((path) =>
    consoleBlocks(read(path)).flatMap(({ steps }) => steps.map(({ command }) => ({ path, command }))),
  );

  test.each(commands.filter(({ command }) => parleyArguments(command) !== undefined))(
    '$path: `$command` can be typed',
    ({ command }) => {
      expect(refusal(parleyArguments(command)!)).toBeUndefined();
    },
  );

  test('there are such commands, and wrong ones would be seen', () => {
    expect(commands.filter(({ command }) => parleyArguments(command) !== undefined).length).toBeGreaterThan(40);
    expect(refusal(['dev', '--nods', '4'])).toContain('unknown option');
    expect(refusal(['join'])).toContain('missing required argument');
    expect(refusal(['ask', 'two', 'words'])).toContain('too many arguments');
    expect(refusal(['aks', 'x'])).toContain('unknown command');
  });

  test('every path under examples/ that a command names is there', () => {
    const named = commands.flatMap(({ path, command }) =>
      wordsOf(command)
        .filter((word) => /^(?:examples|docs)\//.test(word))
        .map((word) => ({ path, word })),
    );
    expect(named.length).toBeGreaterThan(10);
    for (const { path, word } of named) expect(existsSync(join(root, word)), `${path}: ${word}`).toBe(true);
  });

  test('every link leads to a file, and to a heading of it where it names one', () => {
    const slug = (heading: string): string =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s-]/gu, '')
        .trim()
        .replace(/\s/g, '-');
    for (const path of documents) {
      for (const [, target] of read(path).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target!)) continue;
        const [file, anchor] = target!.split('#');
        const place = file === '' ? path : join(dirname(path), file!);
        expect(existsSync(join(root, place)), `${path} links to ${target}`).toBe(true);
        if (anchor === undefined) continue;
        const headings = [...read(place).matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1]!));
        expect(headings, `${path} links to ${target}`).toContain(anchor);
      }
    }
  });

  test('the README names every command, and its exit codes are those that --help tells', () => {
    const readme = read('README.md');
    const program = buildProgram('parley', '0.0.0', () => {});
    const table = readme.slice(readme.indexOf('## Commands'), readme.indexOf('| exit code'));
    for (const command of program.commands) expect(table, command.name()).toContain(`\`${command.name()}`);
    let help = '';
    const writeOut = (text: string): void => {
      help += text;
    };
    program.configureOutput({ writeOut }).outputHelp();
    const told = [...help.slice(help.indexOf('Exit codes:')).matchAll(/^ {2}(\d+) /gm)].map((match) => match[1]);
    const section = readme.slice(readme.indexOf('| exit code'), readme.indexOf('## As a package'));
    expect([...section.matchAll(/^\| (\d+) \|/gm)].map((match) => match[1])).toEqual(told);
  });

  test('every example has its page in the list of examples', () => {
    const list = read('examples/README.md');
    for (const path of documents.filter((each) => dirname(each) === 'examples' && basename(each) !== 'README.md'))
      expect(list).toContain(`(${basename(path)})`);
  });
});

describe('reading documents', () => {
  const page = 'text\n```console\n$ one "a b" | head\nold\n$ two\n```\nmore\n```console background\n$ three\n```\n';

  test('what was typed is told from what was printed, and the latter is replaced without touching the rest', () => {
    expect(consoleBlocks(page).map(({ mode, steps }) => [mode, steps.map(({ command }) => command)])).toEqual([
      ['run', ['one "a b" | head', 'two']],
      ['background', ['three']],
    ]);
    expect(withOutput(page, [['new', 'lines'], [], ['x']])).toBe(
      'text\n```console\n$ one "a b" | head\nnew\nlines\n$ two\n```\nmore\n```console background\n$ three\nx\n```\n',
    );
  });

  test('a block that begins with something nobody typed is a mistake', () => {
    expect(() => consoleBlocks('```console\nprinted\n```')).toThrow('nobody typed');
    expect(() => consoleBlocks('```console\n$ x')).toThrow('never closed');
  });

  test('words are a shell’s, and a call of parley is found wherever it is spelled as one', () => {
    expect(wordsOf(`ask "top 5 of 'x'" --data './a b.csv' ''`)).toEqual([
      'ask',
      "top 5 of 'x'",
      '--data',
      './a b.csv',
      '',
    ]);
    expect(parleyArguments('npm start -- "a b" --data x')).toEqual(['dev', 'a b', '--data', 'x']);
    expect(parleyArguments('NO_COLOR=1 npx parley ps > list')).toEqual(['ps']);
    expect(parleyArguments('cat parley')).toBeUndefined();
  });
});

describe('certificates in the repository', () => {
  const crypto = createCrypto();
  const names = ['packages', 'sites'];
  const bytesOf = (name: string, kind: string): Buffer =>
    readFileSync(join(root, 'examples/certificates', `${name}.${kind}.json`));
  let independent: (certificate: Uint8Array, meshId: string, result?: Uint8Array) => { readonly resultDigest: string };

  beforeAll(async () => {
    const url = pathToFileURL(join(root, 'docs/independent-verifier.mjs')).href;
    ({ verifyCertificate: independent } = (await import(url)) as { verifyCertificate: typeof independent });
  });

  test.each(names)('%s: both verifiers find the same result proven', (name) => {
    const certificate = bytesOf(name, 'certificate');
    const result = bytesOf(name, 'result');
    const verdict = verifyCertificateFile(certificate, { crypto, result });
    expect(verdict).toMatchObject({ ok: true });
    if (!verdict.ok) return;
    const proven = independent(certificate, verdict.about.meshId, result);
    expect(proven.resultDigest).toBe(verdict.about.resultDigest);
    expect(() => independent(certificate, '0'.repeat(64))).toThrow('it is of mesh');
    expect(() => independent(certificate, verdict.about.meshId, Buffer.concat([result, result]))).toThrow(
      'not the certified one',
    );
  });

  test.each(names)('%s: neither accepts it with a byte of a signed part changed', (name) => {
    const text = bytesOf(name, 'certificate').toString('utf8');
    const { meshId } = (JSON.parse(text) as { about: { meshId: string } }).about;
    const parts = [...text.matchAll(/"(?:genesis|config|certificate|decision)": "([A-Za-z0-9+/=]+)"/g)];
    expect(parts.length).toBeGreaterThanOrEqual(3);
    const survivors: string[] = [];
    for (const part of parts) {
      const bytes = Buffer.from(part[1]!, 'base64');
      for (let at = 0; at < bytes.length; at += 97) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1;
        const forged = Buffer.from(text.replace(part[1]!, changed.toString('base64')));
        if (verifyCertificateFile(forged, { crypto, meshId }).ok) survivors.push(`parley ${part.index} ${at}`);
        try {
          independent(forged, meshId);
          survivors.push(`independent ${part.index} ${at}`);
        } catch {
          // Refused, as it should be.
        }
      }
    }
    expect(survivors).toEqual([]);
  });

  test.each([
    ['the plan', '"limit": 5', '"limit": 6'],
    ['the idempotency key', '"idempotencyKey": "', '"idempotencyKey": "x'],
  ])('packages: neither accepts it with %s changed', (_, from, to) => {
    const text = bytesOf('packages', 'certificate').toString('utf8');
    const { meshId } = (JSON.parse(text) as { about: { meshId: string } }).about;
    expect(text).toContain(from);
    const forged = Buffer.from(text.replace(from, to));
    expect(verifyCertificateFile(forged, { crypto, meshId }).ok).toBe(false);
    expect(() => independent(forged, meshId)).toThrow('another workflow or plan');
  });
});
