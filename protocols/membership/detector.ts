// Law: this machine suspects; it never decides. A verdict of `dead` here may reorder stewards, shorten timers or propose a config, but it
// never changes a quorum: only a decided config does, and holding to that is the law of every caller.
//
// SWIM (Das, Gupta, Motivala 2002) with Lifeguard's refinements: round-robin probes, indirect probes through others, suspicion with
// refutation by incarnation, dynamic suspicion timeouts, local health, nacks, and the suspect told of its suspicion first. Two more of its own:
// a node says nothing final before it has asked the suspect itself once more, and time in which it stood still counts against nobody.
// Pure: no clock, no promise; the same inputs and draws give the same outputs.
import type { NodeId } from '../../actors/system/index.ts';
import { MalformedBytes } from '../wire/index.ts';
import type { Detector, DetectorOptions, DetectorOutput } from './detector-contract.ts';
import { compareDigest, type DigestEntry, digestOf } from './digest.ts';
import { createGossipQueue, pick } from './gossip.ts';
import { createMembers } from './members.ts';
import { type Claim, maxClaims, type SwimMessage } from './messages.ts';
import { createProber } from './prober.ts';
import type { MemberRecord, SignedRecord } from './record.ts';
import { type DetectorSettings, defaultSettings } from './settings.ts';
import { createSpreading } from './spreading.ts';
import { createAwareness, retransmitLimit } from './timing.ts';

export function createDetector(options: DetectorOptions): Detector {
  const { self, random, book } = options;
  const settings: DetectorSettings = { ...defaultSettings, ...options.settings };
  const isWatcher = (): boolean => !options.accepts(self);
  const queue = createGossipQueue();
  const awareness = createAwareness(settings.awarenessMax);
  let outputs: DetectorOutput[] = [];
  const send = (to: NodeId, message: SwimMessage, everyPath = false): void =>
    void outputs.push({ kind: 'send', to, message, everyPath });

  let content = options.content;
  let own: SignedRecord = book.issue(content, options.incarnation, false);
  let left = false;
  let wasWatcher = isWatcher();
  const members = createMembers({
    self,
    book,
    settings,
    accepts: options.accepts,
    // Who watches passes nothing on.
    queue: { put: (subject, claim) => void (isWatcher() || queue.put(subject, claim)), drop: queue.drop },
    changed: (change) => void outputs.push(change),
  });

  const repeats = (): number => retransmitLimit(settings.retransmitMultiplier, members.liveCount());

  /** News to ride on a message; whoever is not believed alive hears that first, and can answer it. */
  const claimsFor = (to: NodeId, max: number): Claim[] => {
    const member = members.all.get(to);
    const about = member === undefined || member.state === 'alive' ? undefined : members.claimAbout(member);
    // News is repeated so many times: those who pass it on are to hear it. Watchers ask.
    if (!options.accepts(to)) return [];
    const rest = queue
      .take(about === undefined ? max : max - 1, repeats())
      .filter((claim) => claim.record !== about?.record);
    return about === undefined ? rest : [about, ...rest];
  };

  const prober = createProber({
    random,
    settings,
    awareness,
    members,
    send: (to, message, everyPath) =>
      send(to, 'claims' in message ? { ...message, claims: claimsFor(to, piggybackClaims) } : message, everyPath),
    silent: (member, nowMs) => void members.suspect(member, self, nowMs),
    looks: () => !isWatcher(),
    startMs: options.nowMs + random.below(settings.probeIntervalMs),
  });

  const spreading = createSpreading({
    random,
    settings,
    members,
    queue,
    repeats,
    isWatcher,
    compareWith: (to) => send(to, digest(false)),
    tell: (to, claims) => send(to, { kind: 'gossip', claims }),
    startMs: options.nowMs,
  });
  let nextMs = options.nowMs;

  const ownClaim = (): Claim => ({ state: 'alive', record: own.bytes });
  const speak = (): void => void (isWatcher() || queue.put(self, ownClaim()));
  speak();
  /** Speaks for itself again, above `incarnation`. */
  const assert = (incarnation: number, leaving = false): void => {
    own = book.issue(content, Math.max(own.record.incarnation, incarnation) + 1, leaving);
    speak();
  };

  const digest = (reply: boolean): SwimMessage => ({
    kind: 'digest',
    entries: digestOf(isWatcher() ? undefined : own.record, members),
    reply,
  });

  /** A watcher's view of this node says nothing about its health. */
  const doubt = (accuser: NodeId): void => void (options.accepts(accuser) && awareness.apply(1));

  const hearOfSelf = (claim: Claim, record: MemberRecord, from: NodeId): void => {
    if (record.incarnation < own.record.incarnation) {
      if (claim.state !== 'alive') send(from, { kind: 'gossip', claims: [ownClaim()] });
      return;
    }
    const earlierLife = record.incarnation > own.record.incarnation || Buffer.compare(claim.record, own.bytes) !== 0;
    if (earlierLife && !book.verify(claim.record)) {
      outputs.push({ kind: 'refused', from, reason: 'a record of this node that it did not sign' });
      return;
    }
    if (claim.state === 'alive' && !earlierLife) return;
    // Being suspected while well is a sign of being slow.
    if (!earlierLife) doubt(from);
    assert(record.incarnation);
    send(from, { kind: 'gossip', claims: [ownClaim()] });
  };

  const hear = (claims: readonly Claim[], from: NodeId, nowMs: number): void => {
    const corrections: Claim[] = [];
    for (const claim of claims) {
      try {
        const record = book.peek(claim.record);
        if (record.id === self) {
          hearOfSelf(claim, record, from);
          continue;
        }
        // Who has no place in the view has no say about the others in it.
        if (!options.accepts(from)) continue;
        const outcome = members.apply(claim, record, nowMs);
        const member = members.all.get(record.id);
        if (outcome === 'stale' && member !== undefined && from !== record.id) {
          const current = members.claimAbout(member);
          if (current !== undefined) corrections.push(current);
        } else if (outcome === 'news' && member?.state === 'suspect') prober.confirm(member);
        else if (typeof outcome === 'object') outputs.push({ kind: 'refused', from, reason: outcome.refused });
      } catch (error) {
        if (!(error instanceof MalformedBytes)) throw error;
        outputs.push({ kind: 'refused', from, reason: error.message });
      }
    }
    if (corrections.length > 0) send(from, { kind: 'gossip', claims: corrections });
  };

  const compare = (entries: readonly DigestEntry[], from: NodeId, isReply: boolean): void => {
    const { tell, behind, accused } = compareDigest(entries, isWatcher() ? undefined : own, members);
    if (accused) {
      doubt(from);
      assert(own.record.incarnation);
      tell.push(ownClaim());
    }
    for (let at = 0; at < tell.length; at += maxClaims)
      send(from, { kind: 'gossip', claims: tell.slice(at, at + maxClaims) });
    if (behind && !isReply) send(from, digest(true));
  };

  const receive = (message: SwimMessage, from: NodeId, nowMs: number): void => {
    if ('claims' in message) hear(message.claims, from, nowMs);
    switch (message.kind) {
      case 'ping':
        if (message.target === self)
          send(from, { kind: 'ack', sequence: message.sequence, claims: claimsFor(from, piggybackClaims) }, true);
        if (options.accepts(from) && members.all.get(from)?.signed === undefined) send(from, digest(false));
        break;
      case 'ping-req':
        if (members.all.has(message.target)) prober.relay(message, from, nowMs);
        break;
      case 'ack':
        prober.acknowledged(message.sequence, from);
        break;
      case 'nack':
        prober.refused(message.sequence, from);
        break;
      case 'digest':
        compare(message.entries, from, message.reply);
        break;
      case 'gossip':
        break;
    }
  };

  const judge = (nowMs: number): void => {
    for (const member of members.suspects) {
      if (member.suspicion === undefined) continue;
      const leftMs = member.suspicion.deadlineMs() - nowMs;
      if (leftMs <= 0) members.bury(member, nowMs);
      else if (leftMs <= settings.lastWordMs && !member.lastWord) {
        member.lastWord = true;
        // In a large mesh some ask for all: the suspect must not drown in questions.
        if (random.below(Math.max(1, members.liveCount())) < maxLastWords) prober.ask(member);
      }
    }
  };

  /** Answers that came while this node stood still are yet to be read: every open question waits that much longer. */
  const recover = (nowMs: number): void => {
    const lateMs = nowMs - nextMs;
    if (lateMs <= 0) return;
    if (lateMs > settings.stallMs) awareness.apply(1);
    prober.postpone(lateMs);
    for (const member of members.suspects) member.suspicion?.postpone(lateMs);
  };

  const plan = (): number => {
    let earliest = Math.min(prober.nextMs(), spreading.nextMs());
    for (const member of members.suspects) {
      if (member.suspicion === undefined) continue;
      const deadline = member.suspicion.deadlineMs();
      earliest = Math.min(earliest, member.lastWord ? deadline : deadline - settings.lastWordMs);
    }
    return earliest;
  };

  const leave = (): void => {
    assert(own.record.incarnation, true);
    left = true;
    const claims = [ownClaim()];
    for (const member of pick(members.live(), maxFarewells, random)) send(member.id, { kind: 'gossip', claims });
  };

  return {
    handle(input, nowMs) {
      outputs = [];
      if (left) return outputs;
      recover(nowMs);
      switch (input.kind) {
        case 'message':
          if (input.from !== self) receive(input.message, input.from, nowMs);
          break;
        case 'peer': {
          const member = members.all.get(input.node);
          if (input.up) {
            members.meet(input.node, nowMs);
            if (options.accepts(input.node)) send(input.node, digest(false));
          } else if (member?.state === 'alive') members.suspect(member, self, nowMs);
          break;
        }
        case 'expect':
          for (const id of input.nodes) {
            const member = members.meet(id, nowMs);
            if (member !== undefined) member.expected = true;
          }
          // Let in meanwhile: from here on it is seen, and looks.
          if (wasWatcher && !isWatcher()) speak();
          wasWatcher = isWatcher();
          break;
        case 'update':
          content = input.content;
          assert(own.record.incarnation);
          break;
        case 'leave':
          leave();
          return outputs;
        case 'tick':
          break;
      }
      judge(nowMs);
      prober.advance(nowMs);
      spreading.advance(nowMs);
      nextMs = plan();
      return outputs;
    },
    get nextMs() {
      return left ? Number.POSITIVE_INFINITY : nextMs;
    },
    view: () => members.view(),
    get own() {
      return own.record;
    },
    get healthScore() {
      return awareness.score;
    },
  };
}

/** Claims that ride on a probe or its answer. */
const piggybackClaims = 8;
/** Expected number of nodes that ask a suspect for its last word. */
const maxLastWords = 64;
/** Nodes told directly that this node leaves; gossip tells the others. */
const maxFarewells = 32;
