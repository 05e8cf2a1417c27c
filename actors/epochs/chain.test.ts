import { describe, expect, it } from 'vitest';
import {
  type Certificate,
  configKey,
  defaultFaultBudget,
  encodeCertificate,
  evidenceBetween,
  verifyEvidence,
} from '../../consensus/index.ts';
import { createMemoryStorage } from '../../protocols/lanes/testing/index.ts';
import {
  type ConfigLink,
  createMeshChain,
  decodeConfig,
  type EpochConfig,
  encodeConfig,
  type Member,
} from '../../protocols/mesh/index.ts';
import { compareText, encodeBody, type Identity } from '../../protocols/wire/index.ts';
import { certify } from '../../test/support/certify.ts';
import { crypto } from '../../test/support/decisions.ts';
import { testIdentity } from '../../test/support/world.ts';
import type { KeyValue } from '../system/index.ts';
import { createApprovals } from './amendments.ts';
import { openChainStore } from './chain-store.ts';
import { configQuestion, judgeJoin } from './config-question.ts';
import { createDepartures } from './departures.ts';
import { createGuilty } from './removal.ts';
import { renewalOf } from './renewal.ts';

const identities = Array.from({ length: 8 }, (_, i) => testIdentity(i, crypto));
const member = (i: number, more: Partial<Member> = {}): Member => ({
  id: identities[i]!.id,
  weight: 1,
  name: `node-${i}`,
  site: 'north',
  operator: 'op',
  modelFamily: 'none',
  ...more,
});
const sorted = (members: readonly Member[]): Member[] => [...members].sort((a, b) => compareText(a.id, b.id));
const founders = sorted([0, 1, 2, 3].map((i) => member(i)));
const genesis = {
  name: 'test',
  nonce: new Uint8Array(32),
  config: { epoch: 0, members: founders, ...defaultFaultBudget(4), previous: new Uint8Array(32) },
};
const meshOf = () => createMeshChain(genesis, crypto);

function next(current: EpochConfig, members: readonly Member[], more: Partial<EpochConfig> = {}): EpochConfig {
  return {
    epoch: current.epoch + 1,
    members: sorted(members),
    ...defaultFaultBudget(members.length),
    previous: crypto.sha256(encodeConfig(current)),
    ...more,
  };
}

/** Decided by the members of `current`. */
function decided(current: EpochConfig, config: EpochConfig, by: readonly Identity[]): ConfigLink {
  const subject = { domain: 'config', key: configKey(config.epoch) } as const;
  const { meshId } = meshOf();
  return {
    config,
    certificate: encodeCertificate(
      certify({ identities: by, config: current, meshId, subject, payload: encodeConfig(config) }),
    ),
  };
}
const first = decided(genesis.config, next(genesis.config, [...founders, member(4)]), identities.slice(0, 4));
const second = decided(first.config, next(first.config, [...first.config.members, member(5)]), identities.slice(0, 5));

async function stored(change: (keyValue: KeyValue) => Promise<void> = async () => {}) {
  const storage = createMemoryStorage(crypto);
  let keyValue = await storage.keyValue('mesh');
  const store = await openChainStore({ keyValue, chain: meshOf(), crypto });
  for (const link of [first, second]) expect(await store.adopt(link)).toBe(true);
  await change(keyValue);
  await keyValue.close();
  keyValue = await storage.keyValue('mesh');
  const chain = meshOf();
  await openChainStore({ keyValue, chain, crypto });
  return chain;
}

describe('the chain of configs', () => {
  it('is read back as it was adopted, link by link', async () => {
    const chain = await stored();
    expect(chain.current).toEqual(second.config);
    expect(chain.links.map(({ config }) => config.epoch)).toEqual([0, 1, 2]);
  });

  it('keeps what it has where its members decided another, and tells by which signatures they did', async () => {
    const chain = meshOf();
    const storage = createMemoryStorage(crypto);
    const store = await openChainStore({ keyValue: await storage.keyValue('mesh'), chain, crypto });
    const forks: (readonly [Certificate, Certificate])[] = [];
    store.onFork((certificates) => void forks.push(certificates));
    await store.adopt(first);
    expect(await store.adopt(first)).toBe(false);
    expect(forks).toEqual([]);
    const other = decided(genesis.config, next(genesis.config, [...founders, member(6)]), identities.slice(0, 4));
    expect(await store.adopt(other)).toBe(false);
    expect(chain.current).toEqual(first.config);
    expect(forks).toHaveLength(1);
    const found = evidenceBetween(...forks[0]!);
    expect(found.length).toBeGreaterThan(genesis.config.f);
    for (const evidence of found)
      expect(verifyEvidence(evidence, genesis.config, chain.meshId, crypto)).toEqual({ ok: true });
    // What nobody decided is no fork, and is held against whoever shows it.
    await expect(store.adopt({ config: other.config, certificate: first.certificate })).rejects.toThrow(
      /does not hold/,
    );
    expect(forks).toHaveLength(1);
  });

  it('in a damaged store is refused with the reason, not believed', async () => {
    const key = 'config/0000000002';
    const cases: readonly (readonly [Uint8Array, RegExp])[] = [
      [Uint8Array.of(1, 2, 3), /body/],
      [
        encodeBody({ config: encodeConfig(second.config), certificate: first.certificate }, 400_000),
        /epoch 2 does not hold: the certificate answers another question/,
      ],
      [encodeBody({ config: encodeConfig(first.config), certificate: first.certificate }, 400_000), /does not hold/],
      [
        encodeBody(
          {
            config: encodeConfig(next(first.config, [...first.config.members, member(6)])),
            certificate: second.certificate,
          },
          400_000,
        ),
        /decided another config/,
      ],
    ];
    for (const [value, reason] of cases) {
      await expect(stored((keyValue) => keyValue.write([{ key, value }]))).rejects.toThrow(reason);
    }
    await expect(
      stored((keyValue) => keyValue.write([{ key: 'config/0000000001', value: undefined }])),
    ).rejects.toThrow(/epoch 2 does not hold/);
  });

  it('takes a link once, and not one that leaves a gap or that others decided', async () => {
    const keyValue = await createMemoryStorage(crypto).keyValue('mesh');
    const chain = meshOf();
    const store = await openChainStore({ keyValue, chain, crypto });
    await expect(store.adopt(second)).rejects.toThrow(/does not follow/);
    expect(await Promise.all([store.adopt(first), store.adopt(first)])).toEqual([true, false]);
    const forged = decided(
      { ...first.config, members: sorted([4, 5, 6, 7].map((i) => member(i))), ...defaultFaultBudget(4) },
      second.config,
      identities.slice(4),
    );
    await expect(store.adopt({ ...second, certificate: forged.certificate })).rejects.toThrow(/does not hold/);
    expect(await store.adopt(second)).toBe(true);
  });

  it('is on the disk before it is in force', async () => {
    const order: string[] = [];
    const keyValue = await createMemoryStorage(crypto).keyValue('mesh');
    const chain = meshOf();
    chain.onAppend(() => void order.push('in force'));
    const slow = {
      ...keyValue,
      write: async (changes: Parameters<KeyValue['write']>[0]) => {
        await keyValue.write(changes);
        order.push('on disk');
      },
    };
    await (await openChainStore({ keyValue: slow as KeyValue, chain, crypto })).adopt(first);
    expect(order).toEqual(['on disk', 'in force']);
    const failing = { ...keyValue, write: () => Promise.reject(new Error('the disk is full')), range: keyValue.range };
    const other = meshOf();
    await expect(
      (
        await openChainStore({
          keyValue: { ...failing, async *range() {} } as unknown as KeyValue,
          chain: other,
          crypto,
        })
      ).adopt(first),
    ).rejects.toThrow(/disk is full/);
    expect(other.current.epoch).toBe(0);
  });
});

describe('a member votes for a config', () => {
  const current = genesis.config;
  it('that lets one more node in and changes nothing else', () => {
    expect(judgeJoin(first.config, current, crypto)).toEqual({ ok: true });
  });

  it.each<readonly [string, EpochConfig, RegExp]>([
    ['one that removes a member', next(current, founders.slice(1)), /lets nobody in/],
    ['one that swaps a member for another', next(current, [...founders.slice(1), member(4)]), /changes 2 nodes/],
    [
      'one that renames a member',
      next(current, [{ ...founders[0]!, name: 'mallory' }, ...founders.slice(1)]),
      /lets nobody in/,
    ],
    [
      'one that moves a member to another site',
      next(current, [{ ...founders[0]!, site: 'south' }, ...founders.slice(1)]),
      /lets nobody in/,
    ],
    ['one that changes nothing', next(current, founders), /lets nobody in/],
    ['two newcomers at once', next(current, [...founders, member(4), member(5)]), /changes 2 nodes/],
    [
      'one that tolerates fewer liars',
      next(current, [...founders, member(4)], { f: 0, c: 2, p: 2 }),
      /5 members bear f = 1/,
    ],
    ['one with another slack', next(current, [...founders, member(4)], { p: 0 }), /5 members bear/],
    ['a newcomer that outweighs the others', next(current, [...founders, member(4, { weight: 2 })]), /weigh/],
    ['one that skips an epoch', next(current, [...founders, member(4)], { epoch: 2 }), /does not follow/],
    [
      'one that follows another',
      next(current, [...founders, member(4)], { previous: new Uint8Array(32) }),
      /another config before it/,
    ],
  ])('and not for %s', (_what, config, reason) => {
    expect(judgeJoin(config, current, crypto)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });

  const chain = meshOf();
  const guilty = createGuilty();
  const departures = createDepartures(chain);
  let isSpent = false;
  const question = configQuestion({
    chain,
    crypto,
    guilty,
    approvals: createApprovals(() => chain.current.epoch),
    departures,
    isSpent: () => isSpent,
    adopt: () => {},
  });
  const judge = (config: Uint8Array, epoch = 0, key = 1) =>
    question.judge({ domain: 'config', key: configKey(key) }, config, epoch);

  it('and for the same members in a new epoch only where the old one is spent, and for no other change on that occasion', () => {
    const renewed = renewalOf(chain.current, crypto);
    expect(judge(encodeConfig(renewed))).toBe('unknown');
    isSpent = true;
    expect(judge(encodeConfig(renewed))).toEqual({ ok: true });
    expect(judge(encodeConfig({ ...renewed, p: 0 }))).toMatchObject({ ok: false });
    expect(
      judge(
        encodeConfig({ ...renewed, members: renewed.members.map((each, i) => ({ ...each, weight: i === 0 ? 2 : 1 })) }),
      ),
    ).toMatchObject({ ok: false });
    expect(judge(encodeConfig({ ...renewed, epoch: 2 }), 0, 2)).toMatchObject({ ok: false });
    isSpent = false;
  });

  it('and answers for bytes that are none, and for another instance, without falling over', () => {
    expect(judge(encodeConfig(first.config))).toEqual({ ok: true });
    expect(judge(new Uint8Array(3))).toMatchObject({ ok: false });
    expect(judge(encodeConfig(first.config), 0, 2)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/another epoch than its instance/),
    });
    expect(judge(encodeConfig(first.config), 1)).toMatchObject({ ok: false });
    expect(judge(encodeConfig(second.config), 1, 2)).toBe('unknown');
  });

  it('and not for one that lets a convicted node back in', () => {
    guilty.convict(identities[4]!.id);
    expect(judge(encodeConfig(first.config))).toEqual({
      ok: false,
      reason: 'node-4 was convicted by its own signatures',
    });
  });

  it('and hands on what was decided, to be stored before it counts', () => {
    const adopted: ConfigLink[] = [];
    const subject = { domain: 'config', key: configKey(1) } as const;
    const payload = encodeConfig(first.config);
    const certificate = certify({
      identities: identities.slice(0, 4),
      config: current,
      meshId: chain.meshId,
      subject,
      payload,
    });
    configQuestion({
      chain,
      crypto,
      guilty,
      approvals: createApprovals(() => chain.current.epoch),
      departures,
      isSpent: () => false,
      adopt: (link) => void adopted.push(link),
    }).decided({
      subject,
      payload,
      certificate,
    });
    expect(adopted.map(({ config }) => config)).toEqual([decodeConfig(payload)]);
  });
});
