// Law: what a swarm is asked to do is drawn from its seed: plans of a few shapes, long and short, some of whose inputs are refused.
import type { Plan, PlanTask } from '../actors/plan/index.ts';
import type { BlobRef, Crypto, Random } from '../actors/system/index.ts';
import { hex } from '../protocols/wire/index.ts';
import { computeSkill, writeSkill } from './sandbox.ts';

export interface Payload {
  readonly name: string;
  readonly content: Uint8Array;
}

export interface Work {
  readonly plan: Plan;
  /** What the client sends along. */
  readonly payloads: readonly Payload[];
}

/** What is asked, where that is not left to chance. */
export interface WorkShape {
  readonly kind: 'one' | 'chain' | 'fan' | 'file' | 'per-site' | 'refused' | 'write';
  /** Of a chain or of the width of a fan. */
  readonly tasks: number;
  readonly takesLeastMs: number;
  readonly takesMostMs: number;
  readonly timeoutMs: number;
}

interface TaskChoice {
  readonly files?: readonly { readonly name: string; readonly blob: BlobRef }[];
  readonly after?: readonly string[];
  readonly durationMs?: number;
  readonly refuses?: boolean;
  readonly timeoutMs?: number;
  readonly site?: string;
}

export function computeTask(id: string, choice: TaskChoice = {}): PlanTask {
  const { after = [], durationMs = 50, refuses = false, timeoutMs = 3_000, site, files = [] } = choice;
  return {
    id,
    skill: computeSkill,
    input: { label: id, durationMs, ...(refuses ? { refuses } : {}) },
    files: {
      ...Object.fromEntries(after.map((task) => [`${task}.json`, { task }])),
      ...Object.fromEntries(files.map(({ name, blob }) => [name, { blob }])),
    },
    after: [...after],
    ...(site === undefined
      ? { endorsement: 'quorum' as const, optional: false }
      : { placement: { site, dataSet: 'ledger' }, endorsement: 'site' as const, optional: true }),
    timeoutMs,
  };
}

export function planOf(goal: string, tasks: readonly PlanTask[]): Plan {
  return { version: 1, goal, tasks, result: tasks.at(-1)!.id, risk: 'read-only' };
}

export function drawWork(random: Random, goal: string, sites: readonly string[], crypto: Pick<Crypto, 'sha256'>): Work {
  const durationMs = (): number => 1 + random.below(random.chance(0.3) ? 1_500 : 120);
  const work = (...tasks: PlanTask[]): Work => ({ plan: planOf(goal, tasks), payloads: [] });
  switch (random.below(sites.length > 1 ? 6 : 5)) {
    case 0:
      return work(computeTask('only', { durationMs: durationMs() }));
    case 1: {
      const content = random.bytes(1 + random.below(200_000));
      const blob = { digest: hex.encode(crypto.sha256(content)), sizeBytes: content.length };
      const first = computeTask('first', { durationMs: durationMs(), files: [{ name: 'data.csv', blob }] });
      return {
        plan: planOf(goal, [first, computeTask('second', { after: ['first'], durationMs: durationMs() })]),
        payloads: [{ name: 'data.csv', content }],
      };
    }
    case 2: {
      const parts = ['part-a', 'part-b', 'part-c'].slice(0, 2 + random.below(2));
      return work(
        ...parts.map((id) => computeTask(id, { durationMs: durationMs() })),
        computeTask('whole', { after: parts, durationMs: durationMs() }),
      );
    }
    case 3:
      return work(
        computeTask('first', { durationMs: durationMs() }),
        computeTask('second', { after: ['first'], durationMs: durationMs(), refuses: random.chance(0.5) }),
      );
    case 4:
      return work(computeTask('long', { durationMs: 1_500, timeoutMs: random.chance(0.3) ? 1_200 : 6_000 }));
    default: {
      const parts = sites.map((site) => computeTask(`at-${site}`, { site, durationMs: durationMs() }));
      return work(...parts, computeTask('whole', { after: parts.map(({ id }) => id), durationMs: durationMs() }));
    }
  }
}

export function shapedWork(
  random: Random,
  goal: string,
  shape: WorkShape,
  sites: readonly string[],
  crypto: Pick<Crypto, 'sha256'>,
): Work {
  const { kind, tasks, takesLeastMs, takesMostMs, timeoutMs } = shape;
  const task = (id: string, choice: TaskChoice = {}): PlanTask => {
    const durationMs = Math.max(1, takesLeastMs + random.below(takesMostMs - takesLeastMs + 1));
    return computeTask(id, { durationMs, timeoutMs, ...choice });
  };
  const work = (...all: PlanTask[]): Work => ({ plan: planOf(goal, all), payloads: [] });
  const fan = (parts: readonly PlanTask[]): Work => work(...parts, task('whole', { after: parts.map(({ id }) => id) }));
  switch (kind) {
    case 'one':
      return work(task('only'));
    case 'refused':
      return work(task('only', { refuses: true }));
    case 'write': {
      const plan = planOf(goal, [task('first'), { ...task('written', { after: ['first'] }), skill: writeSkill }]);
      return { plan: { ...plan, risk: 'writes' }, payloads: [] };
    }
    case 'chain':
      return work(
        ...Array.from({ length: tasks }, (_, i) => task(`step-${i}`, i === 0 ? {} : { after: [`step-${i - 1}`] })),
      );
    case 'fan':
      return fan(Array.from({ length: tasks }, (_, i) => task(`part-${i}`)));
    case 'per-site':
      return sites.length > 1 ? fan(sites.map((site) => task(`at-${site}`, { site }))) : work(task('only'));
    case 'file': {
      const content = random.bytes(1 + random.below(200_000));
      const blob = { digest: hex.encode(crypto.sha256(content)), sizeBytes: content.length };
      const first = task('first', { files: [{ name: 'data.csv', blob }] });
      return {
        plan: planOf(goal, [first, task('second', { after: ['first'] })]),
        payloads: [{ name: 'data.csv', content }],
      };
    }
  }
}
