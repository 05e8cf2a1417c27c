// Law: scripted children say what happened to them, when, and in which order; a test scripts them and reads the list.
import {
  type ActorRef,
  type ChildSpec,
  createSystem,
  defineActor,
  type ExitReason,
  ignore,
  killed,
  normal,
  type SupervisorHandle,
  type SupervisorMessage,
  type SupervisorSpec,
  type System,
  shutdown,
  stop,
  supervisor,
  supervisorHandle,
} from '../../index.ts';
import { type Probe, spawnProbe, type VirtualWorld, virtualWorld } from '../../testing/index.ts';

export type ChildMessage =
  | { readonly type: 'die'; readonly reason: ExitReason }
  /** Busy, and so unable to stop, for that long. */
  | { readonly type: 'busy'; readonly ms: number }
  | { readonly type: 'note'; readonly text: string };

export const abnormal: ExitReason = { kind: 'error', error: new Error('abnormal') };
export const reasons = { normal, shutdown, detail: { kind: 'shutdown', detail: 'x' }, abnormal, killed } as const;

export class Stage {
  readonly world: VirtualWorld = virtualWorld(1);
  readonly system: System = createSystem('n1', this.world);
  readonly probe: Probe = spawnProbe(this.system, { name: 'probe' });
  /** `start:ID`, `fail:ID`, `ignore:ID`, `stop:ID:REASON`, `restarting:ID`, notes; read and emptied by `take`. */
  private events: string[] = [];
  /** How many of its next starts fail; `ignore` says ignore from now on. */
  readonly failing = new Map<string, number>();
  readonly ignoring = new Set<string>();

  readonly actor = defineActor<ChildMessage, null, string>({
    kind: 'scripted',
    start: (_ctx, id) => this.start(id),
    receive: (_state, message, ctx) => {
      if (message.type === 'note') this.events.push(`${ctx.name}:${message.text}`);
      if (message.type === 'busy') {
        return new Promise<null>((resolve) =>
          this.world.scheduler.at(ctx.clock.monotonicMs() + message.ms, () => resolve(null)),
        );
      }
      if (message.type !== 'die') return;
      if (message.reason.kind === 'error') throw message.reason.error;
      return stop(message.reason);
    },
    signal: (_state, signal, ctx) => {
      if (signal.type === 'stopped') this.events.push(`stop:${ctx.name}:${signal.reason.kind}`);
      if (signal.type === 'restarting') this.events.push(`restarting:${ctx.name}`);
    },
  });

  private start(id: string): null | typeof ignore {
    const failures = this.failing.get(id) ?? 0;
    if (failures > 0) {
      this.failing.set(id, failures - 1);
      this.events.push(`fail:${id}`);
      throw new Error(`${id} fails to start`);
    }
    if (this.ignoring.has(id)) {
      this.events.push(`ignore:${id}`);
      return ignore;
    }
    this.events.push(`start:${id}`);
    return null;
  }

  child(id: string, rules: Partial<ChildSpec> = {}): ChildSpec<ChildMessage, string> {
    return { id, actor: this.actor, args: id, ...rules };
  }

  /** Spawns a supervisor, watched by the probe, and lets it start. */
  async supervise(
    spec: SupervisorSpec,
  ): Promise<{ readonly sup: ActorRef<SupervisorMessage>; readonly handle: SupervisorHandle }> {
    const sup = this.system.spawn(supervisor(spec), undefined);
    this.probe.run((ctx) => ctx.monitor(sup));
    await this.world.advance();
    return { sup, handle: supervisorHandle(this.system, sup) };
  }

  /** Lets `operation` and what follows from it finish within `ms`. */
  async settle<T>(operation: Promise<T>, ms = 0): Promise<T> {
    await this.world.advance(ms);
    return operation;
  }

  async die(handle: SupervisorHandle, id: string, reason: ExitReason): Promise<void> {
    const child = handle.child<ChildMessage>(id)!;
    if (reason.kind === 'killed') this.system.exit(child, killed);
    else child.tell({ type: 'die', reason });
    await this.world.advance();
  }

  take(): string[] {
    const { events } = this;
    this.events = [];
    return events;
  }

  /** Why the watched supervisors ended so far. */
  get ends(): ExitReason['kind'][] {
    return this.probe.signals.flatMap((signal) => (signal.type === 'down' ? [signal.reason.kind] : []));
  }
}

/** [specs, active, supervisors, workers], as the suite writes it. */
export function counts(handle: Pick<SupervisorHandle, 'counts'>): number[] {
  const { specs, active, supervisors, workers } = handle.counts();
  return [specs, active, supervisors, workers];
}
