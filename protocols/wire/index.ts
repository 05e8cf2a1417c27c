// Law: the door of the wire room: bytes, identities, envelopes and the post office that sends and admits them. Pure; loads no transport.
export { decodeBody, encodeBody } from './body.ts';
export { ByteReader, ByteWriter, compareBytes, compareText, equalBytes, hex, MalformedBytes, utf8 } from './bytes.ts';
export { isClockRefusal } from './clock-refusal.ts';
export { type DirectMessage, encodeDirect, readDirect } from './direct.ts';
export {
  type Destination,
  type Envelope,
  type EnvelopeFault,
  maxBodyBytes,
  type OpenResult,
  openEnvelope,
  sealEnvelope,
  type TraceContext,
  type Unsigned,
} from './envelope.ts';
export { createHlc, type Hlc, type HlcTime } from './hlc.ts';
export { createIdentity, type Identity, nodeIdOf, publicKeyOf } from './identity.ts';
export { defineMessage, defineRequest, type MessageDefinition, type RequestDefinition } from './message.ts';
export { createPostOffice } from './office.ts';
export type {
  DirectHandler,
  DirectPort,
  MessageContext,
  PostOffice,
  PostOfficeOptions,
  RefusalReason,
  SendOptions,
} from './office-contract.ts';
export { createRefusalTable, type Refusal, type RefusalTable } from './refusals.ts';
