// Law: everything nodes say travels in an envelope signed by its author for one mesh. One message has one encoding; the signature covers
// every byte of it, under its own domain and the mesh id, so it verifies nowhere else, whatever path carried it.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter, hex, MalformedBytes } from './bytes.ts';
import type { HlcTime } from './hlc.ts';
import { type Identity, nodeIdOf, publicKeyOf } from './identity.ts';

const envelopeVersion = 1;
/** A whole envelope; what is larger travels by content address. */
export const maxEnvelopeBytes = 1 << 20;
/** What fits beside the largest header. */
export const maxBodyBytes = maxEnvelopeBytes - 1024;
export const messageIdBytes = 16;
const signatureBytes = 64;
const maxTypeBytes = 64;
const maxTopicBytes = 128;
export const maxTtlMs = 86_400_000;

/** W3C trace context. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** One byte. */
  readonly flags: number;
}

export type Destination = { readonly to: NodeId } | { readonly topic: string };

export interface Envelope {
  readonly v: number;
  /** 16 bytes; with `from`, the message's name. */
  readonly id: Uint8Array;
  readonly type: string;
  readonly from: NodeId;
  /** Exactly one of `to` and `topic` is there. */
  readonly to?: NodeId;
  readonly topic?: string;
  /** The id of the request that this answers. */
  readonly re?: Uint8Array;
  readonly hlc: HlcTime;
  readonly trace?: TraceContext;
  /** Milliseconds from `hlc` after which nobody handles it any more. */
  readonly ttlMs: number;
  /** msgpack of plain data, see `encodeBody`. */
  readonly body: Uint8Array;
  /** 64 bytes, Ed25519. */
  readonly sig: Uint8Array;
}

export type EnvelopeFault = 'too_large' | 'malformed' | 'signature';
export type OpenResult =
  | { readonly ok: true; readonly envelope: Envelope }
  /** `from` is the author the bytes claim: a claim only, since the signature did not hold. */
  | { readonly ok: false; readonly reason: EnvelopeFault; readonly from?: NodeId };

export type Unsigned = Omit<Envelope, 'v' | 'sig' | 'from'>;

const typePattern = /^[a-z][a-z0-9._-]{0,63}$/;
const topicPattern = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;
const signingDomain = 'parley/envelope/1';

const hasReply = 1;
const hasTrace = 2;
const isTopic = 4;

export function isMessageType(text: string): boolean {
  return typePattern.test(text);
}

export function isTopicName(text: string): boolean {
  return topicPattern.test(text);
}

/** Bytes ready for the wire. Throws MalformedBytes or RangeError where a field is out of its limits. */
export function sealEnvelope(
  message: Unsigned,
  author: Pick<Identity, 'id' | 'publicKey' | 'secretKey'>,
  options: { readonly crypto: Pick<Crypto, 'sha256' | 'sign'>; readonly meshId: Uint8Array },
): Uint8Array {
  checkNames(message);
  if (message.body.length > maxBodyBytes)
    throw new MalformedBytes(`a body of ${message.body.length} bytes exceeds its limit of ${maxBodyBytes}`);
  const { to, topic, re, trace } = message;
  if ((to === undefined) === (topic === undefined))
    throw new MalformedBytes('an envelope goes to one node or to one topic');
  const writer = new ByteWriter()
    .u8(envelopeVersion)
    .u8((re === undefined ? 0 : hasReply) | (trace === undefined ? 0 : hasTrace) | (topic === undefined ? 0 : isTopic))
    .fixed(message.id, messageIdBytes)
    .text(message.type)
    .fixed(author.publicKey, 32);
  if (to !== undefined) writer.fixed(publicKeyOf(to), 32);
  if (topic !== undefined) writer.text(topic);
  if (re !== undefined) writer.fixed(re, messageIdBytes);
  writer.u32(Number(message.hlc >> 32n)).u32(Number(message.hlc & 0xffffffffn));
  if (trace !== undefined)
    writer.fixed(hex.decode(trace.traceId), 16).fixed(hex.decode(trace.spanId), 8).u8(trace.flags);
  const content = writer.u32(message.ttlMs).bytes(message.body).finish();
  const sealed = new Uint8Array(content.length + signatureBytes);
  sealed.set(content);
  sealed.set(options.crypto.sign(author.secretKey, signingBytes(content, options)), content.length);
  return sealed;
}

/** Structure and signature. Never throws; `bytes` is not retained. */
export function openEnvelope(
  bytes: Uint8Array,
  options: { readonly crypto: Pick<Crypto, 'sha256' | 'verify'>; readonly meshId: Uint8Array },
): OpenResult {
  const read = readEnvelope(bytes);
  if (!read.ok) return read;
  const { envelope } = read;
  if (!hasValidSignature(bytes, envelope, options)) return { ok: false, reason: 'signature', from: envelope.from };
  return { ok: true, envelope: { ...envelope, body: envelope.body.slice() } };
}

/** Structure alone: for what can be refused before a signature is worth checking. Never throws; the body is a view of `bytes`. */
export function readEnvelope(bytes: Uint8Array): OpenResult {
  if (bytes.length > maxEnvelopeBytes) return { ok: false, reason: 'too_large' };
  // The reader's copies are copies only of a plain Uint8Array: slicing a Buffer would alias it.
  const plain =
    bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let from: NodeId | undefined;
  try {
    const reader = new ByteReader(plain);
    const v = reader.u8();
    if (v !== envelopeVersion) throw new MalformedBytes(`version ${v}`);
    const flags = reader.u8();
    if (flags > (hasReply | hasTrace | isTopic)) throw new MalformedBytes(`flags ${flags}`);
    const id = reader.fixed(messageIdBytes);
    const type = reader.text(maxTypeBytes);
    from = nodeIdOf(reader.fixed(32));
    const destination: Destination =
      (flags & isTopic) !== 0 ? { topic: reader.text(maxTopicBytes) } : { to: nodeIdOf(reader.fixed(32)) };
    const re = (flags & hasReply) !== 0 ? { re: reader.fixed(messageIdBytes) } : {};
    const hlc = (BigInt(reader.u32()) << 32n) | BigInt(reader.u32());
    const trace =
      (flags & hasTrace) !== 0
        ? { trace: { traceId: hex.encode(reader.fixed(16)), spanId: hex.encode(reader.fixed(8)), flags: reader.u8() } }
        : {};
    const ttlMs = reader.u32();
    // Decoding copies what it keeps: a second copy of a large body would only feed the collector.
    const body = reader.bytesView(maxBodyBytes);
    const sig = reader.fixed(signatureBytes);
    reader.end();
    const envelope: Envelope = { v, id, type, from, ...destination, ...re, hlc, ...trace, ttlMs, body, sig };
    checkNames(envelope);
    return { ok: true, envelope };
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    return { ok: false, reason: 'malformed', ...(from === undefined ? {} : { from }) };
  }
}

/** `bytes` are the ones `envelope` was read from. */
export function hasValidSignature(
  bytes: Uint8Array,
  envelope: Envelope,
  options: { readonly crypto: Pick<Crypto, 'sha256' | 'verify'>; readonly meshId: Uint8Array },
): boolean {
  const content = bytes.subarray(0, bytes.length - signatureBytes);
  return options.crypto.verify(publicKeyOf(envelope.from), signingBytes(content, options), envelope.sig);
}

/** The content enters as its hash, so that signing reads a large body once. */
function signingBytes(
  content: Uint8Array,
  options: { readonly crypto: Pick<Crypto, 'sha256'>; readonly meshId: Uint8Array },
): Uint8Array {
  return new ByteWriter(signingDomain).fixed(options.meshId, 32).fixed(options.crypto.sha256(content), 32).finish();
}

function checkNames(message: Pick<Envelope, 'type' | 'topic' | 'ttlMs'>): void {
  if (!isMessageType(message.type)) throw new MalformedBytes(`'${message.type}' is not a message type`);
  if (message.topic !== undefined && !isTopicName(message.topic))
    throw new MalformedBytes(`'${message.topic}' is not a topic`);
  if (message.ttlMs < 1 || message.ttlMs > maxTtlMs)
    throw new MalformedBytes(`a ttl of ${message.ttlMs} ms is not in 1…${maxTtlMs}`);
}
