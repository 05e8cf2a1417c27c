// Law: what a member says of itself only it can say: the record is signed, and its incarnation orders all it ever said. Nobody else can
// raise an incarnation, so nobody can refute, revive or rename another.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter, type Identity, MalformedBytes, nodeIdOf, publicKeyOf } from '../wire/index.ts';

/** What a member tells the mesh about itself. */
export interface RecordContent {
  readonly name: string;
  readonly site: string;
  readonly skills: readonly string[];
  readonly modelFamilies: readonly string[];
  /** Where it can be dialled. */
  readonly addresses: readonly string[];
  /** Attempts it is ready to run at once. */
  readonly capacity: number;
  /** Busy share of it, in thousandths. */
  readonly load: number;
}

export interface MemberRecord extends RecordContent {
  readonly id: NodeId;
  /** The record's version: a higher one replaces a lower one. */
  readonly incarnation: number;
  /** The member says goodbye: from this incarnation on it is gone by its own word. */
  readonly leaving: boolean;
}

export interface SignedRecord {
  readonly record: MemberRecord;
  readonly bytes: Uint8Array;
}

export const maxRecordBytes = 4096;
const domain = 'parley/member/1';
const limits = { text: 256, skills: 64, modelFamilies: 16, addresses: 16 } as const;

export interface RecordBook {
  /** Signs this node's record. Throws RangeError where it would exceed `maxRecordBytes`. */
  issue(content: RecordContent, incarnation: number, leaving: boolean): SignedRecord;
  /** What the bytes say, unverified. Throws MalformedBytes. */
  peek(bytes: Uint8Array): MemberRecord;
  /** Whether the member itself signed these bytes for this mesh. */
  verify(bytes: Uint8Array): boolean;
}

export function createRecordBook(options: {
  readonly crypto: Pick<Crypto, 'sign' | 'verify'>;
  readonly identity: Identity;
  /** 32 bytes. */
  readonly meshId: Uint8Array;
}): RecordBook {
  const { crypto, identity, meshId } = options;

  const unsigned = (record: MemberRecord): Uint8Array =>
    new ByteWriter(domain)
      .fixed(meshId, 32)
      .fixed(publicKeyOf(record.id), 32)
      .u64(record.incarnation)
      .bool(record.leaving)
      .text(record.name)
      .text(record.site)
      .list(record.skills, (writer, skill) => writer.text(skill))
      .list(record.modelFamilies, (writer, family) => writer.text(family))
      .list(record.addresses, (writer, address) => writer.text(address))
      .u32(record.capacity)
      .u16(record.load)
      .finish();

  const peek = (bytes: Uint8Array): MemberRecord => {
    if (bytes.length > maxRecordBytes) throw new MalformedBytes(`a member record has at most ${maxRecordBytes} bytes`);
    const reader = new ByteReader(bytes, domain);
    reader.fixed(32);
    const [id, incarnation, leaving] = [nodeIdOf(reader.fixed(32)), reader.u64(), reader.bool()];
    const text = (): string => reader.text(limits.text);
    const record: MemberRecord = {
      id,
      incarnation,
      leaving,
      name: text(),
      site: text(),
      skills: reader.list(limits.skills, text),
      modelFamilies: reader.list(limits.modelFamilies, text),
      addresses: reader.list(limits.addresses, text),
      capacity: reader.u32(),
      load: reader.u16(),
    };
    reader.fixed(64);
    reader.end();
    if (record.load > 1000) throw new MalformedBytes(`a load of ${record.load} thousandths exceeds the whole`);
    return record;
  };

  return {
    peek,
    issue(content, incarnation, leaving) {
      const record: MemberRecord = { ...content, id: identity.id, incarnation, leaving };
      const body = unsigned(record);
      const bytes = new Uint8Array(body.length + 64);
      bytes.set(body);
      bytes.set(crypto.sign(identity.secretKey, body), body.length);
      try {
        peek(bytes);
      } catch (error) {
        throw new RangeError(`this node's member record is out of bounds: ${(error as Error).message}`, {
          cause: error,
        });
      }
      return { record, bytes };
    },
    verify(bytes) {
      const record = peek(bytes);
      const body = bytes.subarray(0, bytes.length - 64);
      // Encoding it again proves that it was written for this mesh and in its one spelling.
      return (
        Buffer.compare(unsigned(record), body) === 0 &&
        crypto.verify(publicKeyOf(record.id), body, bytes.subarray(bytes.length - 64))
      );
    },
  };
}
