// Law: a statement is signed over exactly one encoding, behind a domain of its own and the task attempt it is about, so that no
// signature can be read as another kind of statement, or as one about another mesh, epoch, workflow, plan, task or attempt.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import { ByteReader, ByteWriter, MalformedBytes, nodeIdOf, publicKeyOf } from '../protocols/wire/index.ts';

/** What every statement is about: one try at one task of one plan. */
export interface TaskAttempt {
  /** 32 bytes: the hash of the genesis. */
  readonly meshId: Uint8Array;
  readonly epoch: number;
  /** 32 bytes. */
  readonly workflow: Uint8Array;
  /** 32 bytes: the hash of the plan the task belongs to; a re-plan is another plan. */
  readonly planDigest: Uint8Array;
  /** The task's name within the plan. */
  readonly task: string;
  /** The fencing token, from 0. */
  readonly attempt: number;
}

export const digestBytes = 32;
export const signatureBytes = 64;
/** Limits in bytes of UTF-8. */
export const textLimits = {
  task: 256,
  skill: 128,
  skillVersion: 64,
  relation: 64,
  modelFamily: 64,
  site: 64,
  failureCode: 128,
  failureMessage: 4096,
} as const;

/** Writes `text` so that it reads back: at most `maxBytes`, and no lone surrogate (which UTF-8 would silently replace). */
export function writeText(writer: ByteWriter, text: string, maxBytes: number): void {
  if (!text.isWellFormed()) throw new MalformedBytes('a text holds a lone surrogate');
  if (Buffer.byteLength(text) > maxBytes)
    throw new MalformedBytes(`a text of ${Buffer.byteLength(text)} bytes exceeds its limit of ${maxBytes}`);
  writer.text(text);
}

/** A node id is written as its raw key: 32 bytes instead of 52 characters, and one spelling only. */
export function writeNode(writer: ByteWriter, id: NodeId): void {
  writer.fixed(publicKeyOf(id), 32);
}

export function readNode(reader: ByteReader): NodeId {
  return nodeIdOf(reader.fixed(32));
}

export function writeTaskAttempt(writer: ByteWriter, about: TaskAttempt): void {
  writer
    .fixed(about.meshId, digestBytes)
    .u32(about.epoch)
    .fixed(about.workflow, digestBytes)
    .fixed(about.planDigest, digestBytes);
  writeText(writer, about.task, textLimits.task);
  writer.u32(about.attempt);
}

export function readTaskAttempt(reader: ByteReader): TaskAttempt {
  return {
    meshId: reader.fixed(digestBytes),
    epoch: reader.u32(),
    workflow: reader.fixed(digestBytes),
    planDigest: reader.fixed(digestBytes),
    task: reader.text(textLimits.task),
    attempt: reader.u32(),
  };
}

export interface Signed {
  readonly signature: Uint8Array;
}
export type Unsigned<T extends Signed> = Omit<T, 'signature'>;

export interface Statement<T extends Signed> {
  /** What is signed. Throws MalformedBytes or RangeError where a field has no encoding. */
  unsignedBytes(statement: Unsigned<T>): Uint8Array;
  /** Hash of what is signed: names what was said, whichever of a signer's many possible signatures is under it. */
  digest(statement: Unsigned<T>, crypto: Pick<Crypto, 'sha256'>): Uint8Array;
  sign(statement: Unsigned<T>, secretKey: Uint8Array, crypto: Pick<Crypto, 'sign'>): T;
  /** Whether the named signer's key made the signature; membership is not asked here. */
  verify(statement: T, crypto: Pick<Crypto, 'verify'>): boolean;
  encode(statement: T): Uint8Array;
  /** Throws MalformedBytes on anything `encode` would not have written. The signature is not checked. */
  decode(bytes: Uint8Array): T;
}

export function defineStatement<T extends Signed>(kind: {
  readonly domain: string;
  readonly signer: (statement: Unsigned<T>) => NodeId;
  readonly write: (writer: ByteWriter, statement: Unsigned<T>) => void;
  readonly read: (reader: ByteReader) => Unsigned<T>;
}): Statement<T> {
  const unsignedBytes = (statement: Unsigned<T>): Uint8Array => {
    const writer = new ByteWriter(kind.domain);
    kind.write(writer, statement);
    return writer.finish();
  };
  // Adding the one omitted field to Omit<T, 'signature'> gives T; the type system cannot see it for a generic T.
  const withSignature = (statement: Unsigned<T>, signature: Uint8Array): T =>
    ({ ...statement, signature }) as unknown as T;
  return {
    unsignedBytes,
    digest: (statement, crypto) => crypto.sha256(unsignedBytes(statement)),
    sign: (statement, secretKey, crypto) => withSignature(statement, crypto.sign(secretKey, unsignedBytes(statement))),
    verify: (statement, crypto) =>
      crypto.verify(publicKeyOf(kind.signer(statement)), unsignedBytes(statement), statement.signature),
    encode: (statement) => {
      const writer = new ByteWriter(kind.domain);
      kind.write(writer, statement);
      return writer.fixed(statement.signature, signatureBytes).finish();
    },
    decode: (bytes) => {
      const reader = new ByteReader(bytes, kind.domain);
      const statement = withSignature(kind.read(reader), reader.fixed(signatureBytes));
      reader.end();
      return statement;
    },
  };
}
