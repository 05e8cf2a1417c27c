// Law: the detectors are the node's own, whole; only time, the wire and each machine's slowness are the calibration's. A record is decoded
// and verified once in a run, not once per node: who signed it is no question here.
import { type Crypto, createRandom, type NodeId } from '../../actors/system/index.ts';
import {
  createDetector,
  createRecordBook,
  type Detector,
  type DetectorOutput,
  type DetectorSettings,
  type MemberRecord,
  maxClaims,
  type RecordBook,
  type SwimMessage,
} from '../../protocols/membership/index.ts';
import { createIdentity } from '../../protocols/wire/index.ts';
import { createLightWorld, createPairLatency } from '../lite/index.ts';
import { createDraws } from '../world/index.ts';

export interface DetectorMeshOptions {
  readonly count: number;
  readonly seed: number;
  readonly crypto: Crypto;
  readonly settings: Partial<DetectorSettings>;
  /** Replaces `settings` at some nodes. */
  readonly settingsOf?: (index: number) => Partial<DetectorSettings>;
  readonly lossShare?: number;
  /** Default: 1 to 5 ms one way. */
  readonly latencyMs?: { readonly min: number; readonly max: number };
  /** Each output but the messages, and each message as it is handed to the wire; `onTick`: by the node's own clock, not in answer. */
  readonly onOutput?: (node: number, output: DetectorOutput, onTick: boolean) => void;
}

export interface DetectorMesh {
  readonly nowMs: number;
  readonly detectors: readonly Detector[];
  indexOf(id: NodeId): number;
  /** Everyone knows everyone as alive, as after a long quiet time. */
  introduce(): void;
  run(untilMs: number): void;
  kill(node: number): void;
  /**
   * What the node says, and what it is told, waits until then, while its clock and its timers go on: a machine whose network or processor
   * is taken from it, as in Lifeguard's experiments.
   */
  stall(node: number, untilMs: number): void;
}

const kinds = { tick: 0, message: 1, leave: 2 } as const;
const lossPurpose = 0x200;

export function createDetectorMesh(options: DetectorMeshOptions): DetectorMesh {
  const { count, seed, crypto, settings, lossShare = 0, onOutput = () => {} } = options;
  const { min, max } = options.latencyMs ?? { min: 1, max: 5 };
  const world = createLightWorld();
  const draws = createDraws(seed, 'detectors');
  const random = createRandom(seed).fork('detectors');
  const latencyUs = createPairLatency(draws, { minUs: min * 1_000, maxUs: max * 1_000, jitterShare: 0.1 });
  const identities = Array.from({ length: count }, (_, i) =>
    createIdentity(crypto, random.fork(`identity/${i}`).bytes(32)),
  );
  const indices = new Map(identities.map(({ id }, index) => [id, index]));
  const books = createSharedBooks(crypto);
  const detectors = identities.map((identity, index) =>
    createDetector({
      self: identity.id,
      random: random.fork(`node/${index}`),
      book: books(identity),
      content: { name: `n${index}`, site: '', skills: [], modelFamilies: [], addresses: [], capacity: 1, load: 0 },
      incarnation: 1,
      accepts: () => true,
      settings: options.settingsOf?.(index) ?? settings,
      nowMs: 0,
    }),
  );
  const killed = new Uint8Array(count);
  const stalledUntilUs = new Float64Array(count);
  /** When each node's tick is due: an event of another time is void. */
  const tickAtUs = new Float64Array(count).fill(-1);
  const messages: (SwimMessage | undefined)[] = [];
  const free: number[] = [];
  let sent = 0;

  const plan = (node: number): void => {
    const { nextMs } = detectors[node]!;
    let atUs = Math.ceil(nextMs * 1_000);
    // Rounding may have come out a hair too early, and would for ever.
    if (atUs / 1_000 < nextMs) atUs++;
    if (tickAtUs[node]! >= world.nowUs && tickAtUs[node]! <= atUs) return;
    tickAtUs[node] = Math.max(atUs, world.nowUs);
    world.after(tickAtUs[node]! - world.nowUs, kinds.tick, node, node, 0);
  };
  const keep = (message: SwimMessage): number => {
    const word = free.pop() ?? messages.length;
    messages[word] = message;
    return word;
  };
  const carry = (from: number, to: number, word: number): void => {
    const n = sent++;
    if (draws.u32(lossPurpose, from, to, n) < lossShare * 0x1_0000_0000) {
      free.push(word);
      return;
    }
    world.after(latencyUs(from, to, n), kinds.message, from, to, word);
  };
  const carryOut = (node: number, outputs: readonly DetectorOutput[], onTick: boolean): void => {
    for (const output of outputs) {
      onOutput(node, output, onTick);
      if (output.kind !== 'send') continue;
      const [to, word] = [indices.get(output.to)!, keep(output.message)];
      const waitUs = stalledUntilUs[node]! - world.nowUs;
      if (waitUs > 0) world.after(waitUs, kinds.leave, node, to, word);
      else carry(node, to, word);
    }
    plan(node);
  };
  const tick = (node: number): void => {
    const nowMs = world.nowUs / 1_000;
    if (detectors[node]!.nextMs <= nowMs) carryOut(node, detectors[node]!.handle({ kind: 'tick' }, nowMs), true);
    else plan(node);
  };

  const handle = (kind: number, from: number, to: number, word: number): void => {
    if (kind === kinds.tick) {
      if (killed[to] === 1 || tickAtUs[to] !== world.nowUs) return;
      tickAtUs[to] = -1;
      tick(to);
      return;
    }
    if (kind === kinds.leave) {
      if (killed[from] === 0) carry(from, to, word);
      else free.push(word);
      return;
    }
    if (killed[to] === 1) {
      free.push(word);
      return;
    }
    const waitUs = stalledUntilUs[to]! - world.nowUs;
    if (waitUs > 0) {
      world.after(waitUs, kinds.message, from, to, word);
      return;
    }
    const message = messages[word]!;
    free.push(word);
    // What is due by now is due before what arrives now.
    tick(to);
    const input = { kind: 'message', from: identities[from]!.id, message } as const;
    carryOut(to, detectors[to]!.handle(input, world.nowUs / 1_000), false);
  };

  return {
    get nowMs() {
      return world.nowUs / 1_000;
    },
    detectors,
    indexOf: (id) => indices.get(id)!,
    introduce() {
      const claims = identities.map((identity) => ({
        state: 'alive' as const,
        record: books(identity).issue(detectors[indices.get(identity.id)!]!.own, 1, false).bytes,
      }));
      for (const [index, detector] of detectors.entries()) {
        const from = identities[(index + 1) % count]!.id;
        for (let at = 0; at < count; at += maxClaims) {
          const others = claims.slice(at, at + maxClaims).filter((_, i) => at + i !== index);
          detector.handle({ kind: 'message', from, message: { kind: 'gossip', claims: others } }, 0);
        }
        plan(index);
      }
    },
    run: (untilMs) => world.run(untilMs * 1_000, handle),
    kill(node) {
      killed[node] = 1;
    },
    stall(node, untilMs) {
      stalledUntilUs[node] = untilMs * 1_000;
    },
  };
}

/** Books that share what they have read; a record is the same bytes at every node here. */
function createSharedBooks(crypto: Crypto): (identity: ReturnType<typeof createIdentity>) => RecordBook {
  const read = new WeakMap<Uint8Array, MemberRecord>();
  const verified = new WeakMap<Uint8Array, boolean>();
  const meshId = new Uint8Array(32).fill(1);
  return (identity) => {
    const book = createRecordBook({ crypto, identity, meshId });
    return {
      issue: book.issue,
      peek(bytes) {
        let record = read.get(bytes);
        if (record === undefined) {
          record = book.peek(bytes);
          read.set(bytes, record);
        }
        return record;
      },
      verify(bytes) {
        let ok = verified.get(bytes);
        if (ok === undefined) {
          ok = book.verify(bytes);
          verified.set(bytes, ok);
        }
        return ok;
      },
    };
  };
}
