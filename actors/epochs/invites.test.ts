import { describe, expect, it } from 'vitest';
import { createMemoryStorage } from '../../protocols/lanes/testing/index.ts';
import { crypto } from '../../test/support/decisions.ts';
import { virtualWorld } from '../system/testing/index.ts';
import { openInvites } from './invites.ts';

const hour = 3_600_000;
async function issuer() {
  const time = virtualWorld();
  const storage = createMemoryStorage(crypto);
  let keyValue = await storage.keyValue('mesh');
  const open = () => openInvites({ keyValue, clock: time.clock, crypto, random: time.random });
  return {
    time,
    invites: await open(),
    restarted: async () => {
      await keyValue.close();
      keyValue = await storage.keyValue('mesh');
      return open();
    },
    stored: async () => {
      const found: Uint8Array[] = [];
      for await (const { value, key } of keyValue.range('', '~')) found.push(value, new TextEncoder().encode(key));
      return Buffer.concat(found);
    },
  };
}

describe('a ticket', () => {
  it('lets in one node, as what it says, and that node again should the answer be lost', async () => {
    const { invites } = await issuer();
    const { token } = await invites.issue('member', hour);
    expect(await invites.redeem(token, 'newcomer')).toEqual({ ok: true, role: 'member' });
    expect(await invites.redeem(token, 'newcomer')).toEqual({ ok: true, role: 'member' });
    expect(await invites.redeem(token, 'another')).toMatchObject({ ok: false, code: 'used' });
  });

  it('admits one of two nodes that show it at the same moment', async () => {
    const { invites } = await issuer();
    const { token } = await invites.issue('observer', hour);
    const both = await Promise.all([invites.redeem(token, 'one'), invites.redeem(token, 'other')]);
    expect(both.map(({ ok }) => ok).sort()).toEqual([false, true]);
  });

  it('expires by the issuer’s clock, but not for the node that used it in time', async () => {
    const { invites, time } = await issuer();
    const used = await invites.issue('member', hour);
    const unused = await invites.issue('member', hour);
    expect(await invites.redeem(used.token, 'newcomer')).toMatchObject({ ok: true });
    time.skewWallClock(hour + 5_000);
    expect(await invites.redeem(unused.token, 'late')).toMatchObject({
      ok: false,
      code: 'expired',
      reason: expect.stringMatching(/5 s ago/),
    });
    expect(await invites.redeem(used.token, 'newcomer')).toMatchObject({ ok: true });
    expect(invites.areOutstanding()).toBe(false);
  });

  it('of somebody else’s making opens nothing', async () => {
    const { invites } = await issuer();
    await invites.issue('member', hour);
    expect(await invites.redeem(new Uint8Array(16), 'stranger')).toMatchObject({ ok: false, code: 'unknown' });
    expect(await invites.redeem(new Uint8Array(0), 'stranger')).toMatchObject({ ok: false, code: 'unknown' });
  });

  it('is remembered over a restart, used or not; the store gives none away', async () => {
    const node = await issuer();
    const used = await node.invites.issue('member', hour);
    const open = await node.invites.issue('observer', hour);
    await node.invites.redeem(used.token, 'newcomer');
    for (const { token } of [used, open]) expect((await node.stored()).includes(Buffer.from(token))).toBe(false);
    const invites = await node.restarted();
    expect(invites.areOutstanding()).toBe(true);
    expect(await invites.redeem(used.token, 'another')).toMatchObject({ code: 'used' });
    expect(await invites.redeem(open.token, 'another')).toEqual({ ok: true, role: 'observer' });
  });

  it('keeps the door open for strangers until it expires, and no longer', async () => {
    const { invites, time } = await issuer();
    expect(invites.areOutstanding()).toBe(false);
    await invites.issue('member', hour);
    expect(invites.areOutstanding()).toBe(true);
    time.skewWallClock(hour);
    expect(invites.areOutstanding()).toBe(false);
  });

  it('is refused where a thousand are out, and not once they are long past', async () => {
    const { invites, time } = await issuer();
    for (let i = 0; i < 1_000; i++) await invites.issue('member', hour);
    await expect(invites.issue('member', hour)).rejects.toThrow(/1000 invites are outstanding/);
    time.skewWallClock(hour + 86_400_000);
    await expect(invites.issue('member', hour)).resolves.toMatchObject({ token: expect.any(Uint8Array) });
  });
});
