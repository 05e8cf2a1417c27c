// Law: the stand-in skill is what the node's law asks of a real one: equal bytes from equal calls on every honest node, after a virtual time
// of its own. What lies, hangs or breaks here does so by a draw keyed on the call, so that a run repeats to the byte.
import type { Json } from '../actors/plan/index.ts';
import { canonicalBytes } from '../actors/plan/index.ts';
import type { SkillManifest } from '../actors/planner/index.ts';
import type { BlobRef, Crypto, Sandbox, SkillCall, SkillOutcome, Storage } from '../actors/system/index.ts';
import { hex, utf8 } from '../protocols/wire/index.ts';
import { createDraws, type Life } from './world/index.ts';

export const computeSkill = 'sim.compute';
/** As `computeSkill`, and what it gives is a file that every node that knows the end writes into the workflow's folder. */
export const writeSkill = 'sim.write';

const computeManifest: SkillManifest = {
  name: computeSkill,
  version: '1.0.0',
  title: 'Compute in virtual time',
  description: 'Hashes its input and its files after a given virtual time; refuses them where the input says so.',
  input: {
    type: 'object',
    required: ['label', 'durationMs'],
    additionalProperties: false,
    properties: {
      label: { type: 'string', maxLength: 64 },
      durationMs: { type: 'integer', minimum: 1, maximum: 600_000 },
      /** A judgement about the input that every honest node reaches alike. */
      refuses: { type: 'boolean' },
      minimumGroupSize: { type: 'integer', minimum: 1 },
      missing: { type: 'array', items: { type: 'object' } },
    },
  },
  output: {
    type: 'object',
    required: ['kind', 'value'],
    properties: { kind: { const: 'computed' }, value: { type: 'string' } },
  },
  examples: [{ words: 'compute a label', input: { label: 'a', durationMs: 10 } }],
  synonyms: {},
  effects: 'none',
  files: [{ slot: 'files', formats: ['csv', 'text', 'json', 'unknown'], required: false, many: true }],
  deterministic: true,
  minimumTimeoutMs: 100,
};

const writeManifest: SkillManifest = {
  ...computeManifest,
  name: writeSkill,
  title: 'Compute in virtual time and write it down',
  output: {
    type: 'object',
    required: ['fileName', 'markdown'],
    properties: { fileName: { type: 'string' }, markdown: { type: 'string' } },
  },
  effects: 'writes-workflow-folder',
};

export interface Troubles {
  /** `own`: results of its own making. `together`: the same wrong result as every other node that lies so. `failure`: an honest-looking refusal. `absurd`: bytes that are no result. `moody`: at each call another of these, or no answer, or the end of its process. */
  lie: 'no' | 'own' | 'together' | 'failure' | 'absurd' | 'moody';
  /** Of runs: those that never answer by themselves, and those whose process dies. */
  hangPermille: number;
  crashPermille: number;
  slowFactor: number;
}

export function noTroubles(): Troubles {
  return { lie: 'no', hangPermille: 0, crashPermille: 0, slowFactor: 1 };
}

export type HonestOutcome =
  | { readonly kind: 'result'; readonly output: Uint8Array }
  | { readonly kind: 'failure'; readonly code: string; readonly message: string };

/** What every honest node finds for this call. */
export function honestOutcome(
  call: { readonly skill?: string; readonly input: unknown; readonly files: Readonly<Record<string, BlobRef>> },
  crypto: Pick<Crypto, 'sha256'>,
): HonestOutcome {
  const input = call.input as { readonly label: string; readonly refuses?: boolean };
  if (input.refuses === true)
    return { kind: 'failure', code: 'refused_input', message: `the input of ${input.label} is refused` };
  const files = Object.fromEntries(
    Object.entries(call.files).map(([name, { digest, sizeBytes }]) => [name, { digest, sizeBytes }]),
  );
  const value = hex.encode(
    crypto.sha256(canonicalBytes({ domain: 'parley/sim/compute/1', input: input as unknown as Json, files })),
  );
  return { kind: 'result', output: outputOf(call.skill, input.label, value) };
}

function outputOf(skill: string | undefined, label: string, value: string): Uint8Array {
  return canonicalBytes(
    skill === writeSkill ? { fileName: `${label}.md`, markdown: `# ${value}` } : { kind: 'computed', value },
  );
}

const purpose = { hang: 0, crash: 1, duration: 2, mood: 3 } as const;
/** What a model does that does each time something else: wrong, refusal, garbage, hang, crash. */
const moods = ['own', 'failure', 'absurd', 'hang', 'crash'] as const;

export function createSimSandbox(options: {
  readonly life: Life;
  readonly crypto: Crypto;
  readonly storage: Storage;
  readonly seed: number;
  readonly troubles: Troubles;
  /** Of this machine, for good. */
  readonly slowFactor: number;
}): Sandbox {
  const { life, crypto, storage, troubles, slowFactor } = options;
  const draws = createDraws(options.seed, 'sandbox');
  let runs = 0;

  const lieAbout = (call: SkillCall, lie: Troubles['lie']): SkillOutcome => {
    const durationMs = 1;
    const whose = lie === 'own' ? `${life.node}` : 'all of us';
    const { label } = call.input as { readonly label: string };
    if (lie === 'failure')
      return {
        kind: 'failure',
        code: 'refused_input',
        message: `${label} cannot be computed, says ${whose}`,
        durationMs,
      };
    if (lie === 'absurd') return { kind: 'result', output: new Uint8Array(0), durationMs };
    return {
      kind: 'result',
      output: outputOf(call.skill, label, hex.encode(crypto.sha256(utf8.encode(`${whose}: ${label}`)))),
      durationMs,
    };
  };

  return {
    manifests: () => [computeManifest, writeManifest],
    run(call, { timeoutMs, signal }) {
      const n = (life.number << 16) + runs++;
      const startedMs = life.clock.monotonicMs();
      return new Promise<SkillOutcome>((resolve) => {
        let isOver = false;
        const cancels: (() => void)[] = [];
        const end = (outcome: SkillOutcome): void => {
          if (isOver) return;
          isOver = true;
          for (const cancel of cancels) cancel();
          resolve(outcome);
        };
        const fault = (code: Extract<SkillOutcome, { kind: 'fault' }>['code'], message: string): void =>
          end({ kind: 'fault', code, message, durationMs: life.clock.monotonicMs() - startedMs });
        if (signal?.aborted === true) return fault('cancelled', 'cancelled before it began');
        if (call.skill !== computeSkill && call.skill !== writeSkill)
          return fault('unknown_skill', `no skill ${call.skill}`);
        signal?.addEventListener('abort', () => fault('cancelled', 'cancelled'), { once: true });
        cancels.push(
          life.scheduler.at(startedMs + timeoutMs, () => fault('timeout', `not finished within ${timeoutMs} ms`)),
        );
        const mood = moods[draws.below(moods.length, purpose.mood, life.node, 0, n)]!;
        const lie = troubles.lie === 'moody' ? mood : troubles.lie;
        if (lie === 'hang' || draws.chance(troubles.hangPermille, purpose.hang, life.node, 0, n)) return;
        const { durationMs } = call.input as { readonly durationMs: number };
        // Machines differ by up to half.
        const takesUs = Math.ceil(
          durationMs * slowFactor * troubles.slowFactor * (1_000 + draws.below(500, purpose.duration, life.node, 0, n)),
        );
        const crashes = draws.chance(troubles.crashPermille, purpose.crash, life.node, 0, n);
        cancels.push(
          life.after(takesUs, 'skill.end', () => {
            if (crashes || lie === 'crash') return fault('crashed', 'its process died');
            if (lie !== 'no') return end(lieAbout(call, lie));
            // It reads its files, which must be there.
            readAll(storage, call).then(
              () => end({ ...honestOutcome(call, crypto), durationMs: life.clock.monotonicMs() - startedMs }),
              (error: unknown) => fault('crashed', (error as Error).message),
            );
          }),
        );
      });
    },
    async profile({ name, blob }) {
      return { name, format: 'unknown', sizeBytes: blob.sizeBytes, tables: [] };
    },
    close: async () => {},
  };
}

async function readAll(storage: Storage, call: SkillCall): Promise<void> {
  for (const ref of Object.values(call.files)) for await (const _chunk of storage.blobs.read(ref.digest));
}
