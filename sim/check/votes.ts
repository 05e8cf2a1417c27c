// Law: of all signed statements that ever went over the wire, whoever got them, no instance lets two values be certified, and no honest
// member ever says two things for one place, in however many lives. What a liar relays counts only where the signature holds.
import {
  type Certificate,
  decodeCertificate,
  decodeEntry,
  decodeFrame,
  openBatch,
  thresholdsOf,
  verifySignedEntry,
} from '../../consensus/index.ts';
import { decodeBody, hex, MalformedBytes } from '../../protocols/wire/index.ts';
import type { SentMessage, Swarm, Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

export const consensusFrame = 'consensus.frame';

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
  readonly isHonest: (index: number) => boolean;
  /** Each statement the first time it is sent by its signer. */
  readonly onSaid: (said: Said) => void;
}

/** Frames go to several peers; each is read once. */
const readMax = 20_000;

export function createVoteCheck({ swarm, book, isHonest, onSaid }: VoteCheckOptions): Watcher {
  const { crypto, genesis } = swarm;
  const { config } = genesis;
  const thresholds = thresholdsOf(config);
  const weights = new Map(config.members.map(({ id, weight }) => [id, weight]));
  const indexOf = new Map(swarm.nodes.map(({ id, index }) => [id, index]));
  const read = new Set<string>();
  /** What was said for a place: signer, instance, kind, round. */
  const places = new Map<string, string>();
  const tallies = new Map<string, { weight: number; readonly signers: Set<string> }>();
  const certifiable = new Map<string, string>();

  const certify = (instance: string, value: string, how: string): void => {
    const other = certifiable.get(instance);
    if (other === undefined) certifiable.set(instance, value);
    else if (other !== value)
      book.break(
        'agreement',
        `instance ${instance.slice(0, 12)}: ${other.slice(0, 12)} and ${value.slice(0, 12)} can both be certified (${how})`,
      );
  };

  const note = (signer: string, entry: Uint8Array): void => {
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
    if (decoded.type !== 'vote' || value === null) return;
    const key = `${instance}|${kind}|${round}|${value}`;
    let tally = tallies.get(key);
    if (tally === undefined) {
      tally = { weight: 0, signers: new Set() };
      tallies.set(key, tally);
    }
    if (tally.signers.has(signer)) return;
    tally.signers.add(signer);
    tally.weight += weights.get(signer) ?? 0;
    if (kind === 'precommit' && tally.weight >= thresholds.quorum)
      certify(instance, value, `precommits of round ${round}`);
    if (kind === 'prevote' && round === 0 && tally.weight >= thresholds.fast)
      certify(instance, value, 'prevotes of round 0');
  };

  const noteFrame = (from: number, bytes: Uint8Array): void => {
    const frame = decodeFrame(bytes);
    const { batch } = frame;
    const isOwn = batch !== undefined && batch.signer === swarm.nodes[from]!.id && isHonest(from);
    if (batch !== undefined && (isOwn || openBatch(batch, crypto) !== undefined))
      for (const entry of batch.entries) note(batch.signer, entry);
    // What an honest node passes on was seen when its signer first sent it.
    if (isHonest(from)) return;
    const proofs = [
      ...frame.relayed,
      ...frame.certificates.flatMap((certificate): Certificate['votes'] => decodeCertificate(certificate).votes),
    ];
    for (const signed of proofs) if (verifySignedEntry(signed, crypto)) note(signed.signer, signed.entry);
  };

  return {
    sent({ from, carried, type, body }: SentMessage) {
      if (type !== consensusFrame || carried !== 'frame') return;
      try {
        const { bytes } = decodeBody(body) as { readonly bytes: unknown };
        if (!(bytes instanceof Uint8Array)) throw new MalformedBytes('a consensus frame without bytes');
        const name = `${from}${hex.encode(crypto.sha256(bytes))}`;
        if (read.has(name)) return;
        if (read.size >= readMax) read.clear();
        read.add(name);
        noteFrame(from, bytes);
      } catch (error) {
        // A liar's garbage. An honest node that sends any is a fault of the code, and the receiver's refusal tells of it.
        if (!(error instanceof MalformedBytes) || isHonest(from)) throw error;
      }
    },
  };
}
