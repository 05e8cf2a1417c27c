// Law: of two members the one with the smaller id greets and the other answers, so that a pair agrees on one session at a time. Whoever is
// not allowed is not answered, and greetings cost no more than so many signatures a second, whoever sends them.
import type { NodeId } from '../../actors/system/index.ts';
import { frameVersion } from '../network/index.ts';
import { compareText, equalBytes, MalformedBytes } from '../wire/index.ts';
import {
  decodeHello,
  decodePresence,
  encodeHello,
  encodePresence,
  type Hello,
  messageKind,
  otherVersionOf,
} from './greeting.ts';
import { agree, createEphemeral, type Ephemeral, type MeshKeys, type SessionKeys } from './keys.ts';
import type { NatsNetworkOptions } from './options.ts';

/** A greeting that is not answered by then may be sent again. */
const answerMs = 1_000;
const greetingsPerSecond = 200;
const outstandingMax = 4_096;

export interface GreeterOptions extends Pick<NatsNetworkOptions, 'identity' | 'meshId' | 'preSharedKey' | 'crypto'> {
  readonly keys: MeshKeys;
  /** Random, of this run of the process. */
  readonly instance: Uint8Array;
  readonly allow: (id: NodeId) => boolean;
  isKnown(node: NodeId, instance: Uint8Array): boolean;
  transmit(subject: string, message: Uint8Array): void;
  refuse(from: string, reason: string, detail: string): void;
  onAgreed(node: NodeId, session: SessionKeys, instance: Uint8Array): void;
}

export interface Greeter {
  /** Tells all members that this one is there. */
  announce(): void;
  /** Anything sealed under the mesh's key. */
  receive(message: Uint8Array): void;
}

const zeros = new Uint8Array(32);
const anonymous = '(unknown)';

export function createGreeter(options: GreeterOptions): Greeter {
  const { identity, meshId, crypto, keys, instance } = options;
  const self = identity.id;
  const presence = encodePresence({ from: self, instance });
  /** Greetings and hints that went out, by node; each is forgotten when it was answered. */
  const greeted = new Map<
    NodeId,
    { readonly ephemeral: Ephemeral; readonly bytes: Uint8Array; readonly atMs: number }
  >();
  const hinted = new Map<NodeId, { readonly instance: Uint8Array; readonly atMs: number }>();
  let secondFrom = Number.NEGATIVE_INFINITY;
  let inSecond = 0;

  const hasBudget = (): boolean => {
    const now = performance.now();
    if (now - secondFrom >= 1_000) {
      secondFrom = now;
      inSecond = 0;
    }
    return ++inSecond <= greetingsPerSecond;
  };

  function greet(to: NodeId): void {
    const now = performance.now();
    if (now - (greeted.get(to)?.atMs ?? Number.NEGATIVE_INFINITY) < answerMs || !hasBudget()) return;
    if (greeted.size >= outstandingMax) greeted.clear();
    const ephemeral = createEphemeral();
    const hello: Hello = { from: self, to, instance, ephemeral: ephemeral.publicKey, answers: zeros };
    const bytes = encodeHello(meshId, hello, identity, crypto);
    greeted.set(to, { ephemeral, bytes, atMs: now });
    options.transmit(keys.inbox(to), keys.seal(messageKind.hello, bytes));
  }

  /** The other end is to greet: it learns that this one is here. */
  function hint(to: NodeId, theirs: Uint8Array): void {
    const now = performance.now();
    const last = hinted.get(to);
    if (last !== undefined && now - last.atMs < answerMs && equalBytes(last.instance, theirs)) return;
    if (hinted.size >= outstandingMax) hinted.clear();
    hinted.set(to, { instance: theirs, atMs: now });
    options.transmit(keys.inbox(to), keys.seal(messageKind.presence, presence));
  }

  function onPresence(plain: Uint8Array): void {
    const { from, instance: theirs } = decodePresence(plain);
    if (from === self) {
      if (!equalBytes(theirs, instance))
        options.refuse(from, 'twice', 'another process runs with the identity of this node');
      return;
    }
    if (options.isKnown(from, theirs)) return;
    if (!options.allow(from)) {
      options.refuse(from, 'stranger', 'this node id is not allowed here');
      return;
    }
    if (compareText(self, from) < 0) greet(from);
    else hint(from, theirs);
  }

  function open(plain: Uint8Array): Hello | undefined {
    if (!hasBudget()) return undefined;
    const hello = decodeHello(meshId, plain, crypto);
    if (hello === undefined) options.refuse(anonymous, 'forged', 'a greeting whose signature is not its sender’s');
    else if (hello.to !== self) options.refuse(hello.from, 'protocol', 'a greeting for another node');
    else if (!options.allow(hello.from)) options.refuse(hello.from, 'stranger', 'this node id is not allowed here');
    else return hello;
    return undefined;
  }

  function onHello(plain: Uint8Array): void {
    const hello = open(plain);
    if (hello === undefined) return;
    if (compareText(hello.from, self) >= 0) {
      options.refuse(hello.from, 'protocol', 'it greeted, where it was to be greeted');
      return;
    }
    const own = createEphemeral();
    const answer = encodeHello(
      meshId,
      { from: self, to: hello.from, instance, ephemeral: own.publicKey, answers: crypto.sha256(plain) },
      identity,
      crypto,
    );
    settle(hello, own, crypto.sha256(plain, answer), false, () =>
      options.transmit(keys.inbox(hello.from), keys.seal(messageKind.answer, answer)),
    );
  }

  function onAnswer(plain: Uint8Array): void {
    const hello = open(plain);
    if (hello === undefined) return;
    const sent = greeted.get(hello.from);
    // Late, or a second answer to the same greeting.
    if (sent === undefined || !equalBytes(hello.answers, crypto.sha256(sent.bytes))) return;
    greeted.delete(hello.from);
    settle(hello, sent.ephemeral, crypto.sha256(sent.bytes, plain), true, () => {});
  }

  function settle(
    hello: Hello,
    own: Ephemeral,
    transcript: Uint8Array,
    initiator: boolean,
    beforeAdopted: () => void,
  ): void {
    let session: SessionKeys;
    try {
      session = agree({ own, theirs: hello.ephemeral, preSharedKey: options.preSharedKey, transcript, initiator });
    } catch {
      options.refuse(hello.from, 'protocol', 'a greeting with a key of low order');
      return;
    }
    beforeAdopted();
    options.onAgreed(hello.from, session, hello.instance);
  }

  return {
    announce: () => options.transmit(keys.presence, keys.seal(messageKind.presence, presence)),
    receive(message) {
      const plain = keys.unseal(message);
      if (plain === undefined) {
        options.refuse(anonymous, 'unsealed', 'a message that is not sealed under this mesh’s key');
        return;
      }
      try {
        const version = otherVersionOf(plain);
        if (version !== undefined) {
          options.refuse(anonymous, 'version', `it speaks version ${version}, this node ${frameVersion}`);
          return;
        }
        if (message[0] === messageKind.presence) onPresence(plain);
        else if (message[0] === messageKind.hello) onHello(plain);
        else if (message[0] === messageKind.answer) onAnswer(plain);
      } catch (error) {
        if (!(error instanceof MalformedBytes)) throw error;
        options.refuse(anonymous, 'malformed', error.message);
      }
    },
  };
}
