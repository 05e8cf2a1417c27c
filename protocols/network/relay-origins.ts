// Law: what an origin sends through bridges arrives once, in order and whole, or not at all: what comes twice, late, from a run that has
// ended, or with a piece missing is let go.
import type { NodeId } from '../../actors/system/index.ts';
import { maxFrameBytes } from './limits.ts';
import type { Carried } from './relay-frames.ts';

const originsMax = 4_096;

interface Origin {
  session: number;
  last: number;
  pieces: Uint8Array[];
  sizeBytes: number;
}

export interface Origins {
  /** The payload, once its last piece is here. */
  take(carried: Carried): Uint8Array | undefined;
}

export function createOrigins(tooMany: (from: NodeId) => void): Origins {
  const origins = new Map<NodeId, Origin>();
  const empty = (origin: Origin): void => {
    origin.pieces = [];
    origin.sizeBytes = 0;
  };
  return {
    take({ from, session, sequence, more, payload }) {
      if (origins.size >= originsMax && !origins.has(from)) return undefined;
      const origin = origins.get(from) ?? { session: 0, last: 0, pieces: [], sizeBytes: 0 };
      origins.set(from, origin);
      // Of a run that has ended, or brought by two bridges, or again.
      if (session < origin.session || (session === origin.session && sequence <= origin.last)) return undefined;
      const isNext = session === origin.session && sequence === origin.last + 1;
      origin.session = session;
      origin.last = sequence;
      if (!isNext) empty(origin);
      if (origin.sizeBytes + payload.length > maxFrameBytes) {
        empty(origin);
        tooMany(from);
        return undefined;
      }
      origin.pieces.push(payload);
      origin.sizeBytes += payload.length;
      if (more) return undefined;
      const whole = origin.pieces.length === 1 ? payload : new Uint8Array(Buffer.concat(origin.pieces));
      empty(origin);
      return whole;
    },
  };
}
