import { describe, expect, test } from 'vitest';
import { createCrypto, testIdentity } from '../../test/support/world.ts';
import { compareText, MalformedBytes } from '../wire/index.ts';
import { createMeshChain } from './chain.ts';
import {
  configHash,
  decodeConfig,
  decodeGenesis,
  type EpochConfig,
  encodeConfig,
  encodeGenesis,
  type Genesis,
  type Member,
  meshIdOf,
} from './config.ts';

const crypto = createCrypto();
const member = (i: number, name = `node${i}`): Member => ({
  id: testIdentity(i).id,
  weight: 1,
  name,
  site: 'local',
  operator: 'local',
  modelFamily: 'none',
});
const sorted = (members: Member[]): Member[] => members.sort((a, b) => compareText(a.id, b.id));
const genesis: Genesis = {
  name: 'test',
  nonce: new Uint8Array(32).fill(1),
  config: { epoch: 0, members: sorted([member(0), member(1)]), f: 0, c: 0, p: 0, previous: new Uint8Array(32) },
};
const following = (config: EpochConfig, members: Member[]): EpochConfig => ({
  epoch: config.epoch + 1,
  members: sorted(members),
  f: 0,
  c: 0,
  p: 0,
  previous: configHash(config, crypto),
});

describe('a config', () => {
  test('has one encoding and reads back as what it was', () => {
    expect(decodeConfig(encodeConfig(genesis.config))).toEqual(genesis.config);
    expect(decodeGenesis(encodeGenesis(genesis))).toEqual(genesis);
  });

  test('is refused where members are unsorted, doubled, unnamed or weightless', () => {
    const bad = (members: Member[]): EpochConfig => ({ ...genesis.config, members });
    const [a, b] = genesis.config.members as [Member, Member];
    expect(() => encodeConfig(bad([b, a]))).toThrow(/sorted/);
    expect(() => encodeConfig(bad([a, a]))).toThrow(MalformedBytes);
    expect(() => encodeConfig(bad([a, { ...b, name: a.name }]))).toThrow(/two nodes are named/);
    expect(() => encodeConfig(bad([{ ...a, name: 'No Name' }]))).toThrow(/is not a name/);
    expect(() => encodeConfig(bad([{ ...a, weight: 0 }]))).toThrow(/weight/);
    expect(() => encodeConfig(bad([]))).toThrow(/1 to/);
  });

  test('read from bytes with any one byte flipped is refused or is another config', () => {
    const bytes = encodeConfig(genesis.config);
    for (let i = 0; i < bytes.length; i++) {
      const flipped = bytes.slice();
      flipped[i]! ^= 1;
      let read: EpochConfig | undefined;
      try {
        read = decodeConfig(flipped);
      } catch {
        continue;
      }
      expect(configHash(read, crypto)).not.toEqual(configHash(genesis.config, crypto));
    }
  });
});

describe('the chain of configs', () => {
  test('grows only by the config that names the last one', () => {
    const chain = createMeshChain(genesis, crypto);
    const next = following(genesis.config, [...genesis.config.members, member(2)]);
    const foreign = { ...next, previous: new Uint8Array(32).fill(9) };
    expect(() => chain.append({ config: foreign, certificate: new Uint8Array(0) }, true)).toThrow(
      /names another config/,
    );
    expect(() => chain.append({ config: { ...next, epoch: 2 }, certificate: new Uint8Array(0) }, true)).toThrow(
      /does not follow/,
    );
    expect(chain.append({ config: next, certificate: new Uint8Array(0) }, true)).toBe(true);
    expect(chain.append({ config: next, certificate: new Uint8Array(0) }, true)).toBe(false);
    expect(chain.current.epoch).toBe(1);
  });

  test('still knows the name of a member that was removed, and that it is one no more', () => {
    const chain = createMeshChain(genesis, crypto);
    const [, gone] = genesis.config.members as [Member, Member];
    chain.append(
      { config: following(genesis.config, genesis.config.members.slice(0, 1)), certificate: new Uint8Array(0) },
      true,
    );
    expect(chain.isMember(gone.id)).toBe(false);
    expect(chain.member(gone.id, 0)?.name).toBe(gone.name);
    expect(chain.nameOf(gone.id)).toBe(gone.name);
  });

  test('of another nonce is another mesh', () => {
    expect(meshIdOf({ ...genesis, nonce: new Uint8Array(32).fill(2) }, crypto)).not.toEqual(meshIdOf(genesis, crypto));
  });
});
