// Law: what travels or is kept is plain data: maps with text keys, arrays, text, numbers, bigints, booleans, null, undefined and byte
// strings. Everything else is a name that someone lowers to plain data here and raises again there. The bytes are msgpack: 64-bit
// integers are bigints, extension types are names.

/** A value that cannot travel. A mistake of whoever made it. */
export class UnencodableValue extends Error {
  override readonly name = 'UnencodableValue';
}

/** Bytes that are no value. A mistake, or an attack, of whoever sent or kept them. */
export class MalformedValue extends Error {
  override readonly name = 'MalformedValue';
}

/** What an object that is no plain data stands for. Tags are from 1 to 127. */
export interface Lowered {
  readonly tag: number;
  readonly value: unknown;
}
export type Lower = (object: object) => Lowered | undefined;
/** What a byte string stands for that does not go through the value's own bytes; undefined: it does. */
export type Aside = (bytes: Uint8Array) => Lowered | undefined;
/** Throws MalformedValue for a tag it does not know. */
export type Raise = (tag: number, value: unknown) => unknown;

/** The tag of `undefined` where it cannot be left out. */
export const undefinedTag = 0;
/** Containers inside containers. */
export const maxDepth = 64;
/** What a value takes at most, unless its user says otherwise. */
export const maxValueBytes: number = 1 << 20;
