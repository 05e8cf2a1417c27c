// Law: the door of the wire room: bytes, identities and (below) envelopes. Pure; loads no transport.
export { ByteReader, ByteWriter, compareBytes, compareText, equalBytes, hex, MalformedBytes, utf8 } from './bytes.ts';
export { createIdentity, type Identity, nodeIdOf, publicKeyOf } from './identity.ts';
