// Law: tests that need a decided instance get it from the real engine: every member's, run in this process, frames handed over at once.
import { type Certificate, createEngine, type Engine, type EngineInput, type Subject } from '../../consensus/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import type { Identity } from '../../protocols/wire/index.ts';
import { createCrypto } from './world.ts';

const crypto = createCrypto();

/** Lets the members decide `payload` under `subject`; throws where they do not. */
export function certify(options: {
  readonly identities: readonly Identity[];
  readonly config: EpochConfig;
  readonly meshId: Uint8Array;
  readonly subject: Subject;
  readonly payload: Uint8Array;
}): Certificate {
  const { identities, config, meshId, subject, payload } = options;
  const engines = new Map<string, Engine>(
    identities.map((self) => [
      self.id,
      createEngine({ self, meshId, config, crypto, timeouts: { baseMs: 100, maxMs: 1_000 } }),
    ]),
  );
  const queue: { readonly to: string; readonly input: EngineInput }[] = identities.map(({ id }) => ({
    to: id,
    input: { type: 'start', subject, payload },
  }));
  while (queue.length > 0) {
    const { to, input } = queue.shift()!;
    for (const output of engines.get(to)!.handle(input)) {
      if (output.type === 'decided') return output.certificate;
      if (output.type === 'validate')
        queue.push({ to, input: { type: 'validated', instance: output.instance, value: output.value, ok: true } });
      if (output.type !== 'send') continue;
      for (const receiver of output.to === 'all' ? engines.keys() : [output.to]) {
        if (receiver !== to) queue.push({ to: receiver, input: { type: 'frame', from: to, bytes: output.frame } });
      }
    }
  }
  throw new Error('the members did not decide');
}
