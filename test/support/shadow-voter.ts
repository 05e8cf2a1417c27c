// Law: a lying voter is the real engine with the node's real key and another judgement: what it signs is well formed, and wrong. It answers
// to nobody's log, so that together with the node's own engine it signs two things for one place.
import { decodeFrameMessage, encodeFrameMessage, frameType } from '../../actors/consensus/index.ts';
import type { NodeId } from '../../actors/system/index.ts';
import { createEngine, type EngineInput, type EngineOutput } from '../../consensus/index.ts';
import { type Identity, readDirect, utf8 } from '../../protocols/wire/index.ts';
import type { Forger } from './forger.ts';
import { createCrypto } from './world.ts';

const crypto = createCrypto();

export interface ShadowVoterOptions {
  readonly forger: Forger;
  /** Under whose name it votes; the node's own, or another member's under the wrong key. */
  readonly as: Identity;
  /** Called for every frame it would send. */
  readonly say: (to: NodeId | 'all', message: Uint8Array) => void;
}

export interface ShadowVoter {
  /** What the node hears, it hears. */
  hear(from: NodeId, frame: Uint8Array): void;
}

/** Votes nil on whatever is proposed, and proposes nonsense where it leads. Follows epoch 0 alone. */
export function createShadowVoter({ forger, as, say }: ShadowVoterOptions): ShadowVoter {
  const { meshId, config } = forger;
  const engine = createEngine({ self: as, meshId, config, crypto, timeouts: { baseMs: 300, maxMs: 5_000 } });
  const about = { epoch: config.epoch, position: undefined };
  const handle = (input: EngineInput): void => {
    for (const output of engine.handle(input)) perform(output);
  };
  const perform = (output: EngineOutput): void => {
    switch (output.type) {
      case 'send':
        say(output.to, forger.direct(frameType, encodeFrameMessage({ ...about, frame: output.frame })));
        return;
      case 'validate':
        handle({ type: 'validated', instance: output.instance, value: output.value, ok: false });
        return;
      case 'wanted':
        handle({ type: 'offer', instance: output.instance, payload: utf8.encode(`nonsense ${output.instance}`) });
        return;
      case 'timer':
        setTimeout(
          () => handle({ type: 'timeout', instance: output.instance, kind: output.kind, round: output.round }),
          output.delayMs,
        ).unref();
        return;
    }
  };
  return {
    hear(from, frame) {
      const message = readDirect(frame);
      if (message?.type !== frameType) return;
      const { epoch, frame: bytes } = decodeFrameMessage(message.body);
      if (epoch === config.epoch) handle({ type: 'frame', from, bytes: bytes.slice() });
    },
  };
}
