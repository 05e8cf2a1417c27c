// Law: a recorded scenario is replayed against the model by a world as plain as the recorder's: children start and stop at once,
// unless the script says that a start fails or is ignored. The answer of an operation comes before what it causes.
import { SupervisorModel } from '../model.ts';
import type { Answer, EndKind, ModelEvent } from '../model-events.ts';
import { type AutoShutdown, checkSupervisorSpec, type Restart, type Strategy, SupervisorSpecError } from '../spec.ts';

export type Operation =
  | { readonly k: 'die'; readonly id: string; readonly r: 'boom' | 'kill' | 'normal' | 'shutdown' | '{shutdown,x}' }
  | { readonly k: 'fail'; readonly id: string; readonly n: number }
  | { readonly k: 'ignore' | 'terminate' | 'restart' | 'delete'; readonly id: string }
  | { readonly k: 'start'; readonly id: string; readonly restart: Restart; readonly sig: boolean };

export interface Scenario {
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly autoShutdown: AutoShutdown;
  readonly children: readonly { readonly id: string; readonly restart: Restart; readonly significant: boolean }[];
  readonly ops: readonly Operation[];
}

/** With what the real supervisor did. */
export type Recorded = Scenario & { readonly otp: readonly string[] };

const actor = { kind: 'scripted', start: () => null, receive: () => undefined };

export function replay(scenario: Scenario): string[] {
  const { strategy, intensity, autoShutdown } = scenario;
  try {
    const children = scenario.children.map((child) => ({ ...child, actor, args: undefined }));
    checkSupervisorSpec({ strategy, intensity, autoShutdown, children });
  } catch (error) {
    if (error instanceof SupervisorSpecError) return ['bad_spec'];
    throw error;
  }
  const recorder = new Recorder(scenario);
  recorder.run(scenario.ops);
  return recorder.trace;
}

class Recorder {
  readonly trace: string[] = [];
  private readonly autoShutdown: AutoShutdown;
  private readonly model: SupervisorModel;
  private readonly living = new Set<string>();
  private readonly failing = new Map<string, number>();
  private readonly ignoring = new Set<string>();
  private dead = false;
  private events: string[] = [];
  private answered: string | undefined = undefined;

  constructor({ strategy, intensity, autoShutdown, children }: Scenario) {
    this.autoShutdown = autoShutdown;
    this.model = new SupervisorModel({ strategy, intensity, autoShutdown, periodMs: 1e9 }, children);
  }

  run(operations: readonly Operation[]): void {
    this.feed({ type: 'init' });
    this.trace.push(...this.events);
    for (const operation of operations) {
      this.events = [];
      this.answered = this.perform(operation) ?? this.answered;
      const list = this.model.children().map(({ id, run }) => `${id}=${run}`);
      this.trace.push(this.answered ?? 'none', ...this.events, this.dead ? 'dead' : `[${list.join(',')}]`);
      if (this.dead) break;
    }
    this.events = [];
    this.feed({ type: 'shutdown' });
    this.trace.push(...this.events, 'sup:shutdown');
  }

  private perform(operation: Operation): string | undefined {
    const { id } = operation;
    switch (operation.k) {
      case 'fail':
        this.failing.set(id, operation.n);
        return 'ok';
      case 'ignore':
        this.ignoring.add(id);
        return 'ok';
      case 'die': {
        if (!this.living.delete(id)) return 'nochild';
        this.feed({ type: 'ended', id, how: endKinds[operation.r] ?? 'abnormal' });
        return 'ok';
      }
      case 'start':
        return this.start(id, operation.restart, operation.sig);
      default:
        this.feed({ type: operation.k, id, request: undefined });
        return undefined;
    }
  }

  private start(id: string, restart: Restart, significant: boolean): string | undefined {
    try {
      checkSupervisorSpec({
        autoShutdown: this.autoShutdown,
        children: [{ id, restart, significant, actor, args: undefined }],
      });
    } catch (error) {
      if (error instanceof SupervisorSpecError) return error.code;
      throw error;
    }
    this.feed({ type: 'start', child: { id, restart, significant }, request: undefined });
    return undefined;
  }

  private feed(first: ModelEvent): void {
    const queue = [first];
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
      for (const effect of this.model.handle(event, 0)) {
        if (effect.type === 'start') queue.push(this.startEvent(effect.id));
        else if (effect.type === 'stop') queue.push(...effect.ids.map((id) => this.stopEvent(id)));
        else if (effect.type === 'retry') queue.push({ type: 'retry', id: effect.id });
        else if (effect.type === 'answer') this.answered = textOf(effect.answer);
        else if (effect.type === 'exit') this.dead = true;
      }
    }
  }

  private startEvent(id: string): ModelEvent {
    const failures = this.failing.get(id) ?? 0;
    if (failures > 0) {
      this.failing.set(id, failures - 1);
      this.events.push(`fail:${id}`);
      return { type: 'failed', id, error: 'scripted' };
    }
    if (this.ignoring.has(id)) {
      this.events.push(`ignore:${id}`);
      return { type: 'ignored', id };
    }
    this.events.push(`start:${id}`);
    this.living.add(id);
    return { type: 'started', id };
  }

  private stopEvent(id: string): ModelEvent {
    this.events.push(`stop:${id}:shutdown`);
    this.living.delete(id);
    return { type: 'ended', id, how: 'shutdown' };
  }
}

/** Any other reason is abnormal. */
const endKinds: Readonly<Record<string, EndKind>> = {
  normal: 'normal',
  shutdown: 'shutdown',
  '{shutdown,x}': 'shutdown',
};

function textOf(answer: Answer): string {
  if (answer.ok) return 'ok';
  return typeof answer.error === 'string' ? answer.error : `error_${String(answer.error.failed)}`;
}
