// Law: a checkpoint is text that anybody's tools can check: a C2SP signed note (c2sp.org/signed-note) whose body is a tlog-checkpoint and
// whose signatures are Ed25519 (0x01) or timestamped cosignatures (0x04, c2sp.org/tlog-cosignature). A line that is not understood counts
// for nothing; a note that is not spelled canonically is refused.
import type { Crypto } from '../actors/system/index.ts';
import { equalBytes, MalformedBytes, utf8 } from '../protocols/wire/index.ts';

export interface NoteSignature {
  /** Without spaces and plus signs. */
  readonly name: string;
  /** Four bytes that say which key and algorithm. */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

export interface SignedNote {
  /** Ends in a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** A key as others name it: its algorithm is part of its id. */
export interface NoteKey {
  readonly name: string;
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
}

export const noteMaxBytes = 64 * 1024;
const signaturesMax = 100;
const algorithms = { ed25519: 1, cosignature: 4 } as const;
const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const separator = '\n\n';

function keyIdOf(key: NoteKey, algorithm: keyof typeof algorithms, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  const hash = crypto.sha256(utf8.encode(`${key.name}\n`), Uint8Array.of(algorithms[algorithm]), key.publicKey);
  return hash.subarray(0, 4);
}

export function renderNote(note: SignedNote): string {
  if (!note.text.endsWith('\n')) throw new MalformedBytes('the text of a note ends in a newline');
  const lines = note.signatures.map(({ name, keyId, signature }) => {
    if (name === '' || /[\s+]/u.test(name)) throw new MalformedBytes(`'${name}' cannot name a key in a note`);
    return `— ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`;
  });
  return `${note.text}\n${lines.join('')}`;
}

/** Structure only. Throws MalformedBytes. */
export function parseNote(note: string): SignedNote {
  if (note.length > noteMaxBytes) throw new MalformedBytes(`a note of ${note.length} characters is too long`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the format forbids them
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) throw new MalformedBytes('a note has no control characters');
  const split = note.lastIndexOf(separator);
  if (split < 0) throw new MalformedBytes('a note has a blank line between its text and its signatures');
  const text = note.slice(0, split + 1);
  const rest = note.slice(split + separator.length);
  if (rest === '' || !rest.endsWith('\n')) throw new MalformedBytes('a note ends in signature lines');
  const lines = rest.slice(0, -1).split('\n');
  if (lines.length > signaturesMax) throw new MalformedBytes(`a note of more than ${signaturesMax} signatures`);
  const signatures = lines.map((line) => {
    const parts = /^— ([^\s+]+) (\S+)$/u.exec(line);
    const [, name, encoded] = parts ?? [];
    if (name === undefined || encoded === undefined || !base64Pattern.test(encoded))
      throw new MalformedBytes('a signature line of a note is malformed');
    const bytes = new Uint8Array(Buffer.from(encoded, 'base64'));
    if (bytes.length < 5) throw new MalformedBytes('a signature line of a note is too short');
    return { name, keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
  return { text, signatures };
}

export function signNote(
  text: string,
  key: NoteKey & { readonly secretKey: Uint8Array },
  crypto: Crypto,
): NoteSignature {
  return {
    name: key.name,
    keyId: keyIdOf(key, 'ed25519', crypto),
    signature: crypto.sign(key.secretKey, utf8.encode(text)),
  };
}

/** What a cosigner signs: when it had seen the checkpoint extend what it saw before. */
export function cosign(
  text: string,
  key: NoteKey & { readonly secretKey: Uint8Array },
  timeSeconds: number,
  crypto: Crypto,
): NoteSignature {
  const signature = new Uint8Array(72);
  new DataView(signature.buffer).setBigUint64(0, BigInt(timeSeconds));
  signature.set(crypto.sign(key.secretKey, cosignedMessage(text, timeSeconds)), 8);
  return { name: key.name, keyId: keyIdOf(key, 'cosignature', crypto), signature };
}

function cosignedMessage(text: string, timeSeconds: number): Uint8Array {
  return utf8.encode(`cosignature/v1\ntime ${timeSeconds}\n${text}`);
}

/** Whether `line` is `key`'s signature or cosignature of `text`. A line that names another key or algorithm is none. */
export function isSignedBy(text: string, line: NoteSignature, key: NoteKey, crypto: Crypto): boolean {
  if (line.name !== key.name) return false;
  const { keyId, signature } = line;
  if (signature.length === 64 && equalBytes(keyId, keyIdOf(key, 'ed25519', crypto)))
    return crypto.verify(key.publicKey, utf8.encode(text), signature);
  if (signature.length !== 72 || !equalBytes(keyId, keyIdOf(key, 'cosignature', crypto))) return false;
  const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return false;
  return crypto.verify(key.publicKey, cosignedMessage(text, Number(time)), signature.subarray(8));
}

export function checkpointText({ origin, size, root }: Checkpoint): string {
  if (origin === '' || origin.includes('\n')) throw new MalformedBytes('an origin is one line of text');
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** Throws MalformedBytes. Lines after the third are extensions and are not read. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root] = text.split('\n');
  if (origin === undefined || origin === '' || size === undefined || !/^(?:0|[1-9]\d{0,14})$/.test(size))
    throw new MalformedBytes('a checkpoint begins with its origin and its size');
  if (root === undefined || !base64Pattern.test(root)) throw new MalformedBytes('the root of a checkpoint is base64');
  const bytes = new Uint8Array(Buffer.from(root, 'base64'));
  if (bytes.length !== 32 || Buffer.from(bytes).toString('base64') !== root)
    throw new MalformedBytes('the root of a checkpoint is 32 bytes');
  return { origin, size: Number(size), root: bytes };
}
