// Law: of all statements that honest members ever sent, whoever got them, no instance lets two values be certified even if the liars signed
// whatever helps, and no honest member ever says two things for one place, in however many lives. The thresholds are reckoned here anew.
import { decodeFrameMessage, frameType } from '../../actors/consensus/index.ts';
import { decodeEntry, decodeFrame } from '../../consensus/index.ts';
import { hex, MalformedBytes } from '../../protocols/wire/index.ts';
import type { SentMessage, Swarm, Watcher } from '../swarm.ts';
import type { Epochs } from './epochs.ts';
import type { Book } from './violations.ts';

export interface Said {
  readonly from: number;
  readonly kind: 'proposal' | 'prevote' | 'precommit';
  readonly instance: string;
  readonly round: number;
  readonly value: string | null;
  readonly polkaRound: number;
}

export interface VoteCheckOptions {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly epochs: Epochs;
  readonly isHonest: (index: number) => boolean;
  /** Each statement the first time it is sent by its signer. */
  readonly onSaid: (said: Said) => void;
}

/** Frames go to several peers; each is read once. */
const readMax = 20_000;

export function createVoteCheck({ swarm, book, epochs, isHonest, onSaid }: VoteCheckOptions): Watcher {
  const { crypto } = swarm;
  const indexOf = new Map(swarm.nodes.map(({ id, index }) => [id, index]));
  const read = new Set<string>();
  /** What was said for a place: signer, instance, kind, round. */
  const places = new Map<string, string>();
  /** Honest signers, by what they signed. */
  const signers = new Map<string, Set<string>>();
  const certifiable = new Map<string, string>();
  /** What honest members precommitted last, by signer and instance. */
  const locks = new Map<string, { readonly round: number; readonly value: string }>();

  const certify = (instance: string, value: string, how: string): void => {
    const other = certifiable.get(instance);
    if (other === undefined) certifiable.set(instance, value);
    else if (other !== value)
      book.break(
        'agreement',
        `instance ${instance.slice(0, 12)}: ${other.slice(0, 12)} and ${value.slice(0, 12)} can both be certified (${how})`,
      );
  };

  const note = (epoch: number, signer: string, entry: Uint8Array): void => {
    const decoded = decodeEntry(entry);
    const { instance, round } = decoded.type === 'vote' ? decoded.vote : decoded.proposal;
    const kind = decoded.type === 'vote' ? decoded.vote.kind : 'proposal';
    const { value, polkaRound } = decoded.type === 'vote' ? decoded.vote : decoded.proposal;
    const place = `${signer}|${instance}|${kind}|${round}`;
    const text = hex.encode(entry);
    const before = places.get(place);
    const from = indexOf.get(signer);
    if (before === text) return;
    if (before === undefined) {
      places.set(place, text);
      if (from !== undefined) onSaid({ from, kind, instance, round, value, polkaRound });
    } else if (from !== undefined && isHonest(from)) {
      book.break(
        'no-double-vote',
        `${swarm.nodes[from]!.name} said two things as ${kind} of round ${round} in ${instance.slice(0, 12)}`,
      );
    }
    if (decoded.type !== 'vote' || value === null || from === undefined || !isHonest(from)) return;
    const key = `${instance}|${kind}|${round}|${value}`;
    const found = signers.get(key) ?? new Set();
    signers.set(key, found.add(signer));
    const electorate = epochs.electorate(epoch);
    if (electorate === undefined) return;
    const { quorum, fast } = electorate;
    const weighed = (by: Iterable<string>): number => electorate.weigh(by) + electorate.liarWeight;
    /** Whether the signer can have seen a polka of `value` in one of these rounds; its own prevote may not have found a way out. */
    const isPolkaPossible = (first: number, last: number): boolean => {
      for (let each = first; each <= last; each++)
        if (weighed([signer, ...(signers.get(`${instance}|prevote|${each}|${value}`) ?? [])]) >= quorum) return true;
      return false;
    };
    const name = swarm.nodes[from]!.name;
    const lock = locks.get(`${signer}|${instance}`);
    if (kind === 'precommit') {
      if (before === undefined && !isPolkaPossible(round, round))
        book.break('lock', `${name} precommitted in round ${round} of ${instance.slice(0, 12)} without a polka`);
      if (lock === undefined || lock.round < round) locks.set(`${signer}|${instance}`, { round, value });
    } else if (lock !== undefined && lock.round < round && lock.value !== value) {
      if (!isPolkaPossible(lock.round + 1, round - 1))
        book.break(
          'lock',
          `${name} precommitted in round ${lock.round} of ${instance.slice(0, 12)} and prevoted something else in round ${round}, with no polka since`,
        );
    }
    const weight = weighed(found);
    if (kind === 'precommit' && weight >= quorum) certify(instance, value, `precommits of round ${round}`);
    if (kind === 'prevote' && round === 0 && weight >= fast) certify(instance, value, 'prevotes of round 0');
  };

  return {
    sent({ from, carried, type, body }: SentMessage) {
      if (type !== frameType || carried !== 'frame') return;
      try {
        const { epoch, frame } = decodeFrameMessage(body);
        const name = `${from}${hex.encode(crypto.sha256(frame))}`;
        if (read.has(name)) return;
        if (read.size >= readMax) read.clear();
        read.add(name);
        const { batch, relayed } = decodeFrame(frame);
        const { id } = swarm.nodes[from]!;
        // What a liar says in others' names is nobody's word; what is said again may never have gone out the first time.
        if (batch?.signer === id) for (const entry of batch.entries) note(epoch, id, entry);
        for (const { signer, entry } of relayed) if (signer === id) note(epoch, id, entry);
      } catch (error) {
        // A liar's garbage. An honest node that sends any is a fault of the code, and the receiver's refusal tells of it.
        if (!(error instanceof MalformedBytes) || isHonest(from)) throw error;
      }
    },
  };
}
