import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeGenesis } from '../../consensus/index.ts';
import { decodeGenesis } from '../../protocols/mesh/index.ts';
import { createIdentity, hex } from '../../protocols/wire/index.ts';
import { createCrypto } from '../../test/support/world.ts';
import {
  createHome,
  createMeshFolders,
  type HomeError,
  hasIdentity,
  type NodeSettings,
  openHome,
  readSocketPath,
  removeSocketPath,
  saveSocketPath,
  writeWhole,
} from './index.ts';

const settings: NodeSettings = {
  name: 'amber',
  site: 'north',
  operator: 'op',
  modelFamily: 'none',
  listen: ['/ip4/127.0.0.1/tcp/4711'],
  dataSets: [],
};
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'parley-home-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));
const at = (...parts: string[]): string => join(root, 'node', ...parts);
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const failureOf = (act: () => unknown): HomeError => {
  try {
    act();
  } catch (error) {
    return error as HomeError;
  }
  throw new Error('it did not fail');
};

describe('a node’s folder', () => {
  it('that lost its key is not given another: its settings stay, and who runs it is told', () => {
    const home = createHome(at(), settings);
    home.saveMesh({ genesis: 'ab', psk: '0'.repeat(64), bootstrap: [] });
    rmSync(at('identity.key'));
    expect(failureOf(() => createHome(at(), { ...settings, name: 'other' }))).toMatchObject({ code: 'no_identity' });
    expect(openHome(at()).node().name).toBe(settings.name);
    expect(existsSync(at('identity.key'))).toBe(false);
  });

  it('is made with a key of its own that nobody else can read, whatever the umask', () => {
    const umask = process.umask(0);
    try {
      const home = createHome(at(), settings);
      expect([modeOf(at()), modeOf(at('identity.key')), modeOf(at('node.json'))]).toEqual(['700', '600', '600']);
      expect(home.secretKey()).toHaveLength(32);
      expect(createHome(join(root, 'other'), settings).secretKey()).not.toEqual(home.secretKey());
      home.saveMesh({ genesis: 'ab', psk: '0'.repeat(64), bootstrap: [] });
      expect(modeOf(at('mesh.json'))).toBe('600');
    } finally {
      process.umask(umask);
    }
  });

  it('that holds an identity is never given another', () => {
    createHome(at(), settings);
    const key = readFileSync(at('identity.key'));
    expect(failureOf(() => createHome(at(), { ...settings, name: 'mallory' }))).toMatchObject({
      name: 'HomeError',
      code: 'exists',
    });
    expect(readFileSync(at('identity.key'))).toEqual(key);
    expect(openHome(at()).node().name).toBe('amber');
    expect([hasIdentity(at()), hasIdentity(join(root, 'nowhere'))]).toEqual([true, false]);
  });

  it.each<readonly [string, Partial<Record<keyof NodeSettings, unknown>>, RegExp]>([
    ['a name with capitals', { name: 'Amber' }, /name: lower-case/],
    ['a name that leaves the folder', { name: '../amber' }, /name: lower-case/],
    ['no address', { listen: [] }, /listen: /],
    ['a data set without a policy', { dataSets: [{ name: 'ledger', path: '/x' }] }, /dataSets\.0\.policy/],
    [
      'groups of nobody',
      { dataSets: [{ name: 'ledger', path: '/x', policy: { minimumGroupSize: 0, allow: [] } }] },
      /minimumGroupSize/,
    ],
  ])('is not made with %s', (_what, more, reason) => {
    expect(failureOf(() => createHome(at(), { ...settings, ...more } as NodeSettings)).message).toMatch(reason);
    expect(existsSync(at())).toBe(false);
  });

  it('keeps where a data set is, wherever the node is started from', () => {
    const dataSets = [
      { name: 'ledger', path: 'data/ledger.csv', policy: { minimumGroupSize: 5, allow: ['table.aggregate'] } },
    ];
    expect(createHome(at(), { ...settings, dataSets }).node().dataSets[0]!.path).toBe(
      join(process.cwd(), 'data/ledger.csv'),
    );
  });
});

describe('a file that cannot be understood', () => {
  it.each<readonly [string, string, () => unknown, string, RegExp]>([
    ['node.json', '{"name":', () => openHome(at()).node(), 'damaged', /node\.json is not JSON/],
    ['node.json', '{"name":"amber"}', () => openHome(at()).node(), 'damaged', /node\.json: site: /],
    ['node.json', JSON.stringify({ ...settings, colour: 'red' }), () => openHome(at()).node(), 'damaged', /colour/],
    ['mesh.json', '[]', () => openHome(at()).mesh(), 'damaged', /mesh\.json: /],
    [
      'mesh.json',
      JSON.stringify({ genesis: 'ab', psk: 'short', bootstrap: [] }),
      () => openHome(at()).mesh(),
      'damaged',
      /psk: 32 bytes in hexadecimal/,
    ],
    ['identity.key', 'not a key', () => openHome(at()).secretKey(), 'damaged', /identity\.key is not a key/],
    ['identity.key', '', () => openHome(at()).secretKey(), 'damaged', /identity\.key is not a key/],
    ['identity.key', `${'0'.repeat(64)}00`, () => openHome(at()).secretKey(), 'damaged', /64 hexadecimal digits/],
  ])('%s (%#) is named with what is wrong, and left as it is', (file, content, act, code, message) => {
    createHome(at(), settings);
    writeFileSync(at(file), content);
    const failure = failureOf(act);
    expect([failure.name, failure.code]).toEqual(['HomeError', code]);
    expect(failure.message).toMatch(message);
    expect(failure.hint.length).toBeGreaterThan(10);
    expect(readFileSync(at(file), 'utf8')).toBe(content);
  });

  it('because it is not there is named so', () => {
    expect(failureOf(() => openHome(at()).secretKey())).toMatchObject({
      code: 'no_identity',
      message: expect.stringContaining(at()),
    });
    createHome(at(), settings);
    expect(openHome(at()).mesh()).toBeUndefined();
    rmSync(at('node.json'));
    expect(failureOf(() => openHome(at()).node())).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/node\.json cannot be read \(ENOENT\)/),
    });
  });
});

describe('a file is written whole or not at all', () => {
  it('replacing what was there, with the mode it is to have and nothing left behind', () => {
    const path = join(root, 'file');
    writeFileSync(path, 'old', { mode: 0o644 });
    writeWhole(path, 'new', 0o600);
    expect([readFileSync(path, 'utf8'), modeOf(path), readdirSync(root)]).toEqual(['new', '600', ['file']]);
  });
  it('leaving what was there where it cannot be', () => {
    mkdirSync(join(root, 'closed'));
    writeFileSync(join(root, 'closed', 'file'), 'old');
    chmodSync(join(root, 'closed'), 0o500);
    try {
      if (process.getuid?.() !== 0)
        expect(() => writeWhole(join(root, 'closed', 'file'), 'new', 0o600)).toThrow(/EACCES/);
      expect(() => writeWhole(join(root, 'nowhere', 'file'), 'new', 0o600)).toThrow(/ENOENT/);
      if (process.getuid?.() !== 0) expect(readFileSync(join(root, 'closed', 'file'), 'utf8')).toBe('old');
    } finally {
      chmodSync(join(root, 'closed'), 0o700);
    }
  });
});

describe('the socket of a node', () => {
  it('is in its folder, or under the temporary folder where its path would be too long, and each folder has its own', () => {
    expect(openHome(at()).socketPath).toBe(at('node.sock'));
    const long = join(root, 'x'.repeat(120));
    const { socketPath } = openHome(long);
    expect(socketPath.startsWith(tmpdir())).toBe(true);
    expect(Buffer.byteLength(socketPath)).toBeLessThanOrEqual(100);
    expect(openHome(`${long}y`).socketPath).not.toBe(socketPath);
  });
  it('is told while the node runs, and not after', () => {
    const home = createHome(at(), settings);
    expect(readSocketPath(at())).toBeUndefined();
    saveSocketPath(home);
    expect(readSocketPath(at())).toBe(home.socketPath);
    removeSocketPath(home);
    removeSocketPath(home);
    expect(readSocketPath(at())).toBeUndefined();
  });
});

describe('the folders of a new mesh', () => {
  it('share one sound genesis that names every node, and each other’s addresses but those that are not fixed', () => {
    const nodes = ['amber', 'birch', 'cedar', 'dune'].map((name, i) => ({
      name,
      site: 'north',
      listen: [`/ip4/127.0.0.1/tcp/${i === 3 ? 0 : 4711 + i}`],
    }));
    const homes = createMeshFolders({ root, meshName: 'test', nodes });
    const [first, ...others] = homes.map((home) => home.mesh()!);
    for (const other of others) expect(other).toEqual(first);
    const genesis = decodeGenesis(hex.decode(first!.genesis));
    expect(judgeGenesis(genesis)).toEqual({ ok: true });
    expect(genesis.config.members.map(({ name }) => name).sort()).toEqual(['amber', 'birch', 'cedar', 'dune']);
    expect(genesis.config.f).toBe(1);
    const crypto = createCrypto();
    const ids = homes.map((home) => createIdentity(crypto, home.secretKey()).id);
    expect(new Set(genesis.config.members.map(({ id }) => id))).toEqual(new Set(ids));
    expect(first!.bootstrap).toEqual(['/ip4/127.0.0.1/tcp/4711', '/ip4/127.0.0.1/tcp/4712', '/ip4/127.0.0.1/tcp/4713']);
  });
});
