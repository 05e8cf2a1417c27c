// Law: a forger knows what its node knows and no more: the mesh, its own key, the others' names. What it seals under its own name is
// genuine; what it seals under another's cannot verify.
import type { NodeId } from '../../actors/system/index.ts';
import { openHome } from '../../node/home/index.ts';
import { encodeEntry, signEntry } from '../../protocols/lanes/index.ts';
import { decodeGenesis, type EpochConfig, meshIdOf } from '../../protocols/mesh/index.ts';
import {
  createHlc,
  createIdentity,
  encodeBody,
  encodeDirect,
  hex,
  type Identity,
  maxBodyBytes,
  publicKeyOf,
  sealEnvelope,
} from '../../protocols/wire/index.ts';
import { createCrypto, realClock, realRandom } from './world.ts';

export interface Forger {
  readonly self: Identity;
  readonly meshId: Uint8Array;
  /** Of epoch 0. */
  readonly config: EpochConfig;
  /** `id` with this node's secret key: whatever it signs verifies under nobody's key but the forger's own. */
  impostor(id: NodeId): Identity;
  /** An envelope to `to`, by this node or in the name of `as`. */
  seal(to: NodeId, type: string, body: unknown, as?: Identity): Uint8Array;
  /** A direct message, which nobody signs. */
  direct(type: string, body: Uint8Array): Uint8Array;
  /** A log entry in the name of `as`, encoded. */
  laneEntry(
    as: Identity,
    place: { readonly lane: string; readonly sequence: number; readonly previous: Uint8Array },
    body: Uint8Array,
  ): Uint8Array;
}

export function createForger(folder: string): Forger {
  const crypto = createCrypto();
  const random = realRandom();
  const hlc = createHlc(realClock());
  const home = openHome(folder);
  const genesis = decodeGenesis(hex.decode(home.mesh()!.genesis));
  const meshId = meshIdOf(genesis, crypto);
  const self = createIdentity(crypto, home.secretKey());
  return {
    self,
    meshId,
    config: genesis.config,
    impostor: (id) => ({ id, publicKey: publicKeyOf(id), secretKey: self.secretKey }),
    seal: (to, type, body, as = self) =>
      sealEnvelope(
        { id: random.bytes(16), type, to, hlc: hlc.now(), ttlMs: 60_000, body: encodeBody(body, maxBodyBytes) },
        as,
        { crypto, meshId },
      ),
    direct: (type, body) => encodeDirect({ meshId, id: random.bytes(16), type, body }),
    laneEntry: (as, place, body) =>
      encodeEntry(signEntry({ mesh: meshId, ...place, hlc: hlc.now(), body }, as, crypto)),
  };
}
