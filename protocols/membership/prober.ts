// Law: one probe at a time, every live node in turn in an order nobody can predict, and silence counts only after others were asked to
// try. A node whose own helpers fall silent doubts itself before it doubts the target.
import type { NodeId, Random } from '../../actors/system/index.ts';
import { pick } from './gossip.ts';
import type { Member, Members } from './members.ts';
import type { SwimMessage } from './messages.ts';
import type { DetectorSettings } from './settings.ts';
import type { Awareness } from './timing.ts';

/** Probes run for others at once; what exceeds it is not answered. */
const maxRelays = 1024;
/** Expected number of nodes that look for themselves when they hear of a suspicion. */
const confirmingNodes = 6;

interface Probe {
  readonly member: Member;
  readonly sequence: number;
  readonly helpers: Set<NodeId>;
  readonly nacks: Set<NodeId>;
  indirectMs: number;
  endMs: number;
  indirect: boolean;
}

interface Relay {
  readonly requester: NodeId;
  readonly sequence: number;
  readonly target: NodeId;
  nackMs: number;
  endMs: number;
  nacked: boolean;
}

export interface Prober {
  /** Sends what is due. */
  advance(nowMs: number): void;
  nextMs(): number;
  /** Probe this suspect next, perhaps: some of those who hear of a suspicion look for themselves. */
  confirm(member: Member): void;
  /** A ping whose answer decides nothing: it tells a suspect that it is one. */
  ask(member: Member): void;
  relay(message: Extract<SwimMessage, { kind: 'ping-req' }>, from: NodeId, nowMs: number): void;
  acknowledged(sequence: number, from: NodeId): void;
  refused(sequence: number, from: NodeId): void;
  /** Gives every open question that much longer. */
  postpone(byMs: number): void;
}

export function createProber(options: {
  readonly random: Random;
  readonly settings: DetectorSettings;
  readonly awareness: Awareness;
  readonly members: Members;
  /** Fills in the claims. */
  readonly send: (to: NodeId, message: SwimMessage, everyPath: boolean) => void;
  readonly silent: (member: Member, nowMs: number) => void;
  /** Whether this node looks at the others at all. */
  readonly looks: () => boolean;
  readonly startMs: number;
}): Prober {
  const { random, settings, awareness, members, send } = options;
  const relays = new Map<number, Relay>();
  /** Suspects to look at before the round goes on. */
  const first = new Set<NodeId>();
  let round: NodeId[] = [];
  let probe: Probe | undefined;
  let nextProbeMs = options.startMs;
  let sequence = 0;

  const ping = (target: NodeId, of: number, everyPath: boolean): void =>
    send(target, { kind: 'ping', sequence: of, target, claims: [] }, everyPath);

  const isLive = (id: NodeId): Member | undefined => {
    const member = members.all.get(id);
    return member?.state === 'alive' || member?.state === 'suspect' ? member : undefined;
  };

  const nextTarget = (): Member | undefined => {
    for (const id of first) {
      first.delete(id);
      const member = isLive(id);
      if (member?.state === 'suspect') return member;
    }
    // A second pass, for the round may hold only nodes that are gone.
    for (let pass = 0; pass < 2; pass++) {
      for (let id = round.pop(); id !== undefined; id = round.pop()) {
        const member = isLive(id);
        if (member !== undefined) return member;
      }
      const live = members.live().map(({ id }) => id);
      round = pick(live, live.length, random);
    }
    return undefined;
  };

  const askOthers = (current: Probe): void => {
    current.indirect = true;
    // The first question took the preferred path, which may be stuck: from here on every path is tried.
    ping(current.member.id, current.sequence, true);
    const candidates = members.live().filter(({ id, state }) => state === 'alive' && id !== current.member.id);
    for (const { id } of pick(candidates, settings.indirectProbes, random)) {
      current.helpers.add(id);
      send(id, { kind: 'ping-req', sequence: current.sequence, target: current.member.id, claims: [] }, true);
    }
  };

  const fail = (current: Probe, nowMs: number): void => {
    // Helpers that did not even say "silent" point at this node's own ears; without helpers nothing speaks for them.
    awareness.apply(current.helpers.size > 0 ? current.helpers.size - current.nacks.size : 1);
    options.silent(current.member, nowMs);
  };

  const start = (nowMs: number): void => {
    const looks = options.looks();
    nextProbeMs = nowMs + (looks ? awareness.scale(settings.probeIntervalMs) : settings.watchIntervalMs);
    if (!looks) return;
    const member = nextTarget();
    if (member === undefined) return;
    probe = {
      member,
      sequence: ++sequence,
      helpers: new Set(),
      nacks: new Set(),
      indirectMs: nowMs + awareness.scale(settings.probeTimeoutMs),
      endMs: nextProbeMs,
      indirect: false,
    };
    ping(member.id, sequence, false);
  };

  return {
    advance(nowMs) {
      for (const [id, relay] of relays) {
        if (nowMs >= relay.endMs) relays.delete(id);
        else if (nowMs >= relay.nackMs && !relay.nacked) {
          relay.nacked = true;
          send(relay.requester, { kind: 'nack', sequence: relay.sequence }, true);
        }
      }
      if (probe !== undefined && nowMs >= probe.endMs) {
        const ended = probe;
        probe = undefined;
        if (isLive(ended.member.id) !== undefined) fail(ended, nowMs);
      } else if (probe !== undefined && !probe.indirect && nowMs >= probe.indirectMs) askOthers(probe);
      if (nowMs >= nextProbeMs) start(nowMs);
    },
    nextMs() {
      let earliest = nextProbeMs;
      if (probe !== undefined) earliest = Math.min(earliest, probe.indirect ? probe.endMs : probe.indirectMs);
      for (const relay of relays.values()) earliest = Math.min(earliest, relay.nacked ? relay.endMs : relay.nackMs);
      return earliest;
    },
    confirm(member) {
      if (random.below(Math.max(1, members.liveCount() - 2)) < confirmingNodes) first.add(member.id);
    },
    ask: (member) => ping(member.id, ++sequence, true),
    relay(message, from, nowMs) {
      if (relays.size >= maxRelays) return;
      relays.set(++sequence, {
        requester: from,
        sequence: message.sequence,
        target: message.target,
        // Early enough to reach the requester within its interval.
        nackMs: nowMs + settings.probeTimeoutMs * 0.8,
        endMs: nowMs + settings.probeIntervalMs,
        nacked: false,
      });
      ping(message.target, sequence, true);
    },
    acknowledged(answered, from) {
      const relay = relays.get(answered);
      if (relay !== undefined && relay.target === from) {
        relays.delete(answered);
        send(relay.requester, { kind: 'ack', sequence: relay.sequence, claims: [] }, true);
        return;
      }
      if (probe?.sequence !== answered || (from !== probe.member.id && !probe.helpers.has(from))) return;
      probe = undefined;
      awareness.apply(-1);
    },
    refused(answered, from) {
      if (probe?.sequence === answered && probe.helpers.has(from)) probe.nacks.add(from);
    },
    postpone(byMs) {
      nextProbeMs += byMs;
      for (const question of relays.values()) {
        question.nackMs += byMs;
        question.endMs += byMs;
      }
      if (probe === undefined) return;
      probe.indirectMs += byMs;
      probe.endMs += byMs;
    },
  };
}
