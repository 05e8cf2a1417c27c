// Law: whoever holds a ticket may ask to join and hears the answer, and nothing else of the mesh, until it is let in.
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { joinMesh, type LeaveOutcome, meshLane } from '../../actors/epochs/index.ts';
import type { Network } from '../../actors/system/index.ts';
import { createPostOffice, defineMessage, encodeBody, type Identity } from '../../protocols/wire/index.ts';
import { crypto, InProcessMesh, once, planOf, refOf, task } from '../support/in-process-mesh.ts';
import { testIdentity } from '../support/world.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());

/** Somebody with the mesh's key on the wire and no vote, who writes down what it is sent. */
class Outsider {
  readonly identity: Identity;
  readonly network: Network;
  readonly office: ReturnType<typeof createPostOffice>;
  readonly frames: Uint8Array[] = [];
  constructor(index: number) {
    this.identity = testIdentity(index, crypto);
    this.network = mesh.outsider(this.identity);
    this.network.onFrame((_from, frame) => void this.frames.push(frame));
    const { clock, random, log } = mesh.time;
    const { meshId } = mesh.node('amber').composed.parts.chain;
    this.office = createPostOffice({
      identity: this.identity,
      meshId,
      crypto,
      clock,
      random: random.fork(`outsider ${index}`),
      network: this.network,
      log,
    });
  }
  async join(
    token: Uint8Array,
    more: object = {},
  ): Promise<{ admitted: boolean; code?: string; reason?: string } | string> {
    const about = {
      token,
      name: `guest-${this.identity.id.slice(-4).toLowerCase()}`,
      site: 'north',
      operator: 'op',
      modelFamily: 'none',
      version: '0.1.0',
      ...more,
    };
    let answer: { admitted: boolean } | string | undefined;
    this.office.request(mesh.idOf('amber'), joinMesh, about, { timeoutMs: 30_000 }).then(
      (reply) => {
        answer = reply;
      },
      (error: Error) => {
        answer = error.message;
      },
    );
    await mesh.until('an answer', () => answer !== undefined, 40_000);
    return answer!;
  }
}
const ticket = async (role: 'member' | 'worker' | 'observer'): Promise<Uint8Array> => {
  const issuing = mesh.node('amber').admittance.invites.issue(role, 3_600_000);
  await mesh.time.advance(10);
  return (await issuing).token;
};
const membersAt = (name: string): number => mesh.node(name).composed.parts.chain.current.members.length;

describe('a stranger', () => {
  it('with a ticket that is out is told nothing before it is let in: no intent, no log, no vote, no payload, no presence', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    await ticket('member');
    const stranger = new Outsider(6);
    const secret = new TextEncoder().encode('what the mesh works on');
    await mesh.node('amber').storage.blobs.write(once(secret));
    const workflow = await mesh.open('amber', planOf([task('one')]));
    await mesh.ended(workflow);
    await mesh.time.advance(10_000);
    expect(stranger.frames).toEqual([]);
    const pulled = (async () => {
      for await (const _ of stranger.network.pull(mesh.idOf('amber'), `blob/${refOf(secret).digest}`, 0));
    })().then(
      () => 'given',
      (error: Error) => error.message,
    );
    await mesh.time.advance(1_000);
    expect(await pulled).not.toBe('given');
    expect(mesh.node('amber').composed.parts.world.network.peers()).not.toContain(stranger.identity.id);
  });

  it('that says anything but that it wants to join is not heard', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    await ticket('member');
    const stranger = new Outsider(6);
    const entries = defineMessage('lane.entries', z.any());
    stranger.office.send(mesh.idOf('amber'), entries, { entries: [], more: false });
    await mesh.time.advance(100);
    expect(mesh.node('amber').composed.parts.office.refusals()).toMatchObject([{ reason: 'stranger', count: 1 }]);
  });

  it('without a ticket is not let in, and is told why', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    const token = await ticket('observer');
    const wrong = new Outsider(6);
    expect(await wrong.join(new Uint8Array(16))).toMatchObject({ admitted: false, code: 'unknown' });
    expect(await wrong.join(token, { version: '9.0.0' })).toMatchObject({ admitted: false, code: 'version' });
    expect(await wrong.join(token, { name: 'birch' })).toMatchObject({ admitted: false, code: 'name_taken' });
    expect(await wrong.join(token)).toMatchObject({ admitted: true });
    expect(await new Outsider(5).join(token)).toMatchObject({ admitted: false, code: 'used' });
  });
});

describe('a newcomer', () => {
  it('becomes a member by the members’ decision, everywhere, and running workflows go on', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    const workflow = await mesh.open(
      'birch',
      planOf([task('one', { skill: 'slow', input: { ms: 4_000 } }), task('two', { after: ['one'] })]),
    );
    await mesh.time.advance(500);
    const newcomer = new Outsider(6);
    expect(await newcomer.join(await ticket('member'))).toMatchObject({ admitted: true });
    expect(mesh.names.map(membersAt)).toEqual([5, 5, 5, 5]);
    expect(await mesh.ended(workflow)).toEqual(mesh.names.map(() => 'completed'));
    const { decision } = mesh.record('amber', workflow)!.tasks.get('two')!.attempts.get(0)!.certified!;
    expect(decision.epoch).toBe(0);
    const later = await mesh.open('cedar', planOf([task('one')]), 'after-the-join');
    expect(mesh.record('cedar', later)?.opened?.epoch).toBe(0);
    expect(mesh.crashes).toEqual([]);
  });

  it('two at the same moment are both let in, one epoch after the other', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    const tokens = [await ticket('member'), await ticket('member')];
    const [one, other] = [new Outsider(5), new Outsider(6)];
    const both = await Promise.all([one.join(tokens[0]!), other.join(tokens[1]!)]);
    expect(both).toMatchObject([{ admitted: true }, { admitted: true }]);
    await mesh.time.advance(2_000);
    expect(mesh.names.map(membersAt)).toEqual([6, 6, 6, 6]);
    expect(mesh.crashes).toEqual([]);
  });

  it('workers that come while one is decided on are in the next epoch together, and observers beside them', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    const guests = Array.from({ length: 14 }, (_, i) => new Outsider(5 + i));
    const tokens = await Promise.all(guests.map((_, i) => ticket(i < 7 ? 'worker' : 'observer')));
    const answers = await Promise.all(guests.map((guest, i) => guest.join(tokens[i]!)));
    expect(answers).toEqual(guests.map(() => expect.objectContaining({ admitted: true })));
    await mesh.time.advance(2_000);
    for (const name of mesh.names) {
      const { chain } = mesh.node(name).composed.parts;
      expect(chain.current.workers).toHaveLength(7);
      // The first by itself, and the six that waited meanwhile.
      expect(chain.current.epoch).toBeLessThanOrEqual(3);
    }
    expect(mesh.names.map(membersAt)).toEqual([4, 4, 4, 4]);
    expect(mesh.crashes).toEqual([]);
  });

  it('two of one name: the second is refused in words', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    const tokens = [await ticket('member'), await ticket('member')];
    const [one, other] = [new Outsider(5), new Outsider(6)];
    const both = await Promise.all([one.join(tokens[0]!, { name: 'twin' }), other.join(tokens[1]!, { name: 'twin' })]);
    expect(both.map((answer) => (answer as { admitted: boolean }).admitted).sort()).toEqual([false, true]);
    expect(both.find((answer) => !(answer as { admitted: boolean }).admitted)).toMatchObject({
      reason: expect.stringMatching(/already named 'twin'/),
    });
  });

  it('as an observer is heard of by all, from the first moment it may listen', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    const observer = new Outsider(6);
    expect(await observer.join(await ticket('observer'))).toMatchObject({ admitted: true });
    await mesh.time.advance(1_000);
    expect(
      mesh.names.map((name) => mesh.node(name).composed.parts.world.network.peers().includes(observer.identity.id)),
    ).toEqual([true, true, true, true]);
    expect(observer.frames.length).toBeGreaterThan(0);
    expect(mesh.names.map(membersAt)).toEqual([4, 4, 4, 4]);
  });
});

describe('a member that leaves', () => {
  const leaveOf = async (name: string, drainForMs = 10_000, patienceMs = 60_000) => {
    let outcome: LeaveOutcome | undefined;
    void mesh
      .node(name)
      .composed.leave(drainForMs)
      .then((found) => {
        outcome = found;
      });
    await mesh.until(`${name} to have left or not`, () => outcome !== undefined, patienceMs);
    return outcome!;
  };

  it('finishes what it runs, is a member no more by the others’ decision, and they go on with their work', async () => {
    mesh = await InProcessMesh.start({ count: 5 });
    const workflow = await mesh.open(
      'birch',
      planOf([task('one', { skill: 'slow', input: { ms: 3_000 } }), task('two')]),
    );
    await mesh.time.advance(1_000);
    expect(await leaveOf('amber')).toEqual({ left: true, epoch: 1, drained: true });
    await mesh.time.advance(1_000);
    const rest = mesh.names.filter((name) => name !== 'amber');
    expect(rest.map(membersAt)).toEqual([4, 4, 4, 4]);
    expect(await mesh.ended(workflow, rest)).toEqual(rest.map(() => 'completed'));
    const later = await mesh.open('cedar', planOf([task('one')]), 'after-the-leave');
    expect(await mesh.ended(later, rest)).toEqual(rest.map(() => 'completed'));
    expect(rest.flatMap((name) => mesh.accused(name))).toEqual([]);
    expect(mesh.crashes).toEqual([]);
  });

  it('leaves even where the mesh then tolerates no liar: that is its right, and nobody can be kept', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    expect(await leaveOf('dune')).toMatchObject({ left: true, epoch: 1 });
    expect(mesh.node('amber').composed.parts.chain.current).toMatchObject({ f: 0, epoch: 1 });
  });

  it('is told where too few are there to decide, stays a member, and goes when they are back', async () => {
    mesh = await InProcessMesh.start({ count: 4 });
    await mesh.stopNode('birch');
    await mesh.stopNode('cedar');
    expect(await leaveOf('amber')).toMatchObject({ left: false, code: 'no_quorum' });
    expect(membersAt('amber')).toBe(4);
    await mesh.startNode('birch');
    await mesh.startNode('cedar');
    await mesh.until('it to be gone', () => membersAt('birch') === 3 && membersAt('amber') === 3, 60_000);
    expect(mesh.crashes).toEqual([]);
  });

  it('two at the same moment both leave, one epoch after the other', async () => {
    mesh = await InProcessMesh.start({ count: 6 });
    const [one, other] = await Promise.all([leaveOf('amber'), leaveOf('birch')]);
    expect([one, other]).toMatchObject([{ left: true }, { left: true }]);
    await mesh.time.advance(1_000);
    expect(membersAt('cedar')).toBe(4);
  });

  it('is not sent away by a word that another gives for it', async () => {
    mesh = await InProcessMesh.start({ count: 5 });
    // A lane has one author: what it says of leaving, it says of itself, so the liar can only name an epoch.
    await mesh.say('birch', meshLane, encodeBody({ kind: 'leaving', epoch: 0, node: mesh.idOf('amber') }, 1_024));
    await mesh.until('the decision', () => membersAt('cedar') === 4, 30_000);
    const { chain } = mesh.node('cedar').composed.parts;
    expect([chain.isMember(mesh.idOf('amber')), chain.isMember(mesh.idOf('birch'))]).toEqual([true, false]);
  });
});

describe('a node that was away while the members changed', () => {
  it('catches up with every epoch at once', async () => {
    mesh = await InProcessMesh.start({ count: 5 });
    await mesh.stopNode('elm');
    for (const index of [5, 6])
      expect(await new Outsider(index).join(await ticket('member'), { name: `guest-${index}` })).toMatchObject({
        admitted: true,
      });
    await mesh.startNode('elm');
    await mesh.time.advance(15_000);
    expect(mesh.names.map(membersAt)).toEqual([7, 7, 7, 7, 7]);
    const { chain } = mesh.node('elm').composed.parts;
    expect(chain.links.map(({ config }) => config.epoch)).toEqual([0, 1, 2]);
    expect(mesh.crashes).toEqual([]);
  });
});
