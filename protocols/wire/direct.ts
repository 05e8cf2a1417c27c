// Law: what proves itself needs no envelope. It goes to one peer, or to several as the same bytes, under no signature of the message's own: the
// transport says who handed it over, and that is all that is believed of it. A peer's message is handled once, by whatever path it comes.
import type { Network, NodeId } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter, equalBytes, MalformedBytes } from './bytes.ts';
import { messageIdBytes } from './envelope.ts';
import type { DirectHandler, DirectPort, RefusalReason } from './office-contract.ts';
import type { SeenMessages } from './seen.ts';

const domain = 'parley/direct/1';
const runBytes = 8;
const maxTypeBytes = 64;
const maxMessageBytes = 1 << 20;

export interface DirectMessage {
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  /** 16 bytes: of the sender's run, and its number in it. */
  readonly id: Uint8Array;
  readonly type: string;
  /** Part of what was read. */
  readonly body: Uint8Array;
}

export interface DirectPortOptions {
  readonly self: NodeId;
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  /** 8 random bytes, of this run of the node. */
  readonly run: Uint8Array;
  readonly network: Pick<Network, 'send'>;
  readonly seen: SeenMessages;
  readonly allow: (from: NodeId, type: string) => boolean;
  readonly refuse: (from: NodeId, reason: RefusalReason, detail: string) => void;
  readonly onSent: (type: string, sizeBytes: number) => void;
  readonly onHandled: () => void;
  readonly onDuplicate: () => void;
  /** A handler's own failure; one that finds the bytes malformed throws MalformedBytes, which is the sender's. */
  readonly failed: (type: string, from: NodeId, error: unknown) => void;
}

/** Whether `frame` is for the direct port. No envelope begins like this: theirs begins with its version. */
export function isDirect(frame: Uint8Array): boolean {
  if (frame.length < 4 + domain.length || frame[0] !== 0 || frame[3] !== domain.length) return false;
  for (let i = 0; i < domain.length; i++) if (frame[4 + i] !== domain.charCodeAt(i)) return false;
  return true;
}

export function encodeDirect({ meshId, id, type, body }: DirectMessage): Uint8Array {
  return new ByteWriter(domain).fixed(meshId, 32).fixed(id, messageIdBytes).text(type).bytes(body).finish();
}

/** Undefined where `frame` is no direct message, or a malformed one: for who looks at what others say to each other. */
export function readDirect(frame: Uint8Array): DirectMessage | undefined {
  if (!isDirect(frame)) return undefined;
  try {
    return decodeDirect(frame);
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

/** Throws MalformedBytes. */
function decodeDirect(frame: Uint8Array): DirectMessage {
  if (frame.length > maxMessageBytes)
    throw new MalformedBytes(`a message of ${frame.length} bytes exceeds ${maxMessageBytes}`);
  // The reader's copies are copies only of a plain Uint8Array: slicing a Buffer would alias it.
  const plain =
    frame.constructor === Uint8Array ? frame : new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  const reader = new ByteReader(plain, domain);
  const message = {
    meshId: reader.fixed(32),
    id: reader.fixed(messageIdBytes),
    type: reader.text(maxTypeBytes),
    body: reader.bytesView(maxMessageBytes),
  };
  reader.end();
  return message;
}

/** `take` is what the office calls with each frame that is for this port. */
export function createDirectPort(
  options: DirectPortOptions,
): DirectPort & { take(from: NodeId, frame: Uint8Array): void } {
  const { self, meshId, run, network, seen, allow, refuse } = options;
  /** Undefined where a type was handled and is not now: its actor is being restarted, and what is said to it meanwhile is said again. */
  const handlers = new Map<string, DirectHandler | undefined>();
  let count = 0;

  function nextId(): Uint8Array {
    const id = new Uint8Array(messageIdBytes);
    id.set(run);
    new DataView(id.buffer).setBigUint64(runBytes, BigInt(count++));
    return id;
  }

  return {
    send(to, type, body) {
      if (to.length === 0) return 0;
      const frame = encodeDirect({ meshId, id: nextId(), type, body });
      let taken = 0;
      for (const peer of to) {
        options.onSent(type, frame.length);
        if (network.send(peer, frame)) taken++;
      }
      return taken;
    },
    on(type, handler) {
      if (handlers.get(type) !== undefined) throw new Error(`direct messages of type ${type} are handled already`);
      handlers.set(type, handler);
      return () => void (handlers.get(type) === handler && handlers.set(type, undefined));
    },
    take(from, frame) {
      let type = 'a direct message';
      try {
        const message = decodeDirect(frame);
        type = message.type;
        if (from === self) return;
        if (!equalBytes(message.meshId, meshId)) return refuse(from, 'misaddressed', `${type} of another mesh`);
        if (!allow(from, type)) return refuse(from, 'stranger', `${type} by ${from}`);
        if (!handlers.has(type)) return refuse(from, 'unknown_type', type);
        if (seen.has(from, message.id)) return options.onDuplicate();
        seen.add(from, message.id);
        handlers.get(type)?.(from, message.body);
        options.onHandled();
      } catch (error) {
        if (error instanceof MalformedBytes) refuse(from, 'malformed', `${type}: ${error.message}`);
        else options.failed(type, from, error);
      }
    },
  };
}
