// Law: a recorded scenario is played by real actors: its children start, fail, ignore and die as the script says, under a real supervisor.
import {
  type ActorRef,
  createSystem,
  defineActor,
  type ExitReason,
  ignore,
  killed,
  normal,
  type SupervisorMessage,
  type System,
  shutdown,
  stop,
  supervisor,
  supervisorHandle,
} from '../../index.ts';
import { virtualWorld } from '../../testing/index.ts';
import type { Operation, Scenario } from './otp-scenario.ts';

interface Die {
  readonly type: 'die';
  readonly reason: ExitReason;
}

const reasons: Record<string, ExitReason> = {
  normal,
  shutdown,
  kill: killed,
  '{shutdown,x}': { kind: 'shutdown', detail: 'x' },
};

/** The scenario's script: its children are real actors that start, fail, ignore and die as it says. */
class Stage {
  events: string[] = [];
  readonly failing = new Map<string, number>();
  readonly ignoring = new Set<string>();
  readonly child = defineActor<Die, { dying: boolean }, string>({
    kind: 'scripted',
    start: (_ctx, id) => {
      const failures = this.failing.get(id) ?? 0;
      if (failures > 0) {
        this.failing.set(id, failures - 1);
        this.events.push(`fail:${id}`);
        throw new Error('scripted');
      }
      if (this.ignoring.has(id)) {
        this.events.push(`ignore:${id}`);
        return ignore;
      }
      this.events.push(`start:${id}`);
      return { dying: false };
    },
    receive(state, message) {
      state.dying = true;
      if (message.reason.kind === 'error') throw message.reason.error;
      return stop(message.reason);
    },
    signal: (state, signal, ctx) => {
      if (signal.type === 'stopped' && !state.dying) this.events.push(`stop:${ctx.name}:${signal.reason.kind}`);
    },
  });
}

/** What a tree of actors does in the scenario, in the words of the traces. */
export async function act(scenario: Scenario): Promise<string[]> {
  const world = virtualWorld(1);
  const stage = new Stage();
  const system = createSystem('n1', world);
  const { strategy, intensity, autoShutdown, children } = scenario;
  let ref: ActorRef<SupervisorMessage>;
  try {
    const specs = children.map((child) => ({ ...child, actor: stage.child, args: child.id }));
    ref = system.spawn(supervisor({ strategy, intensity, autoShutdown, periodMs: 1e9, children: specs }), undefined, {
      name: 'sup',
    });
  } catch {
    return ['bad_spec'];
  }
  const handle = supervisorHandle(system, ref);
  await world.advance();
  const trace = stage.events;
  for (const operation of scenario.ops) {
    stage.events = [];
    const answer = perform(system, stage, handle, operation);
    await world.advance();
    const answered = await answer;
    const dead = system.inspect().children.length === 0;
    const list = handle.children().map(({ id, run }) => `${id}=${run}`);
    trace.push(answered, ...stage.events, dead ? 'dead' : `[${list.join(',')}]`);
    if (dead) break;
  }
  stage.events = [];
  const done = system.shutdown();
  await world.advance(10_000);
  await done;
  return [...trace, ...stage.events, 'sup:shutdown'];
}

async function perform(
  system: System,
  stage: Stage,
  handle: ReturnType<typeof supervisorHandle>,
  operation: Operation,
): Promise<string> {
  const { id } = operation;
  const text = (result: { ok: boolean; error?: unknown }): string =>
    result.ok ? 'ok' : typeof result.error === 'string' ? result.error : 'error_scripted';
  switch (operation.k) {
    case 'fail':
      stage.failing.set(id, operation.n);
      return 'ok';
    case 'ignore':
      stage.ignoring.add(id);
      return 'ok';
    case 'die': {
      const child = handle.child<Die>(id);
      if (child === undefined) return 'nochild';
      if (operation.r === 'kill') system.exit(child, killed);
      else child.tell({ type: 'die', reason: reasons[operation.r] ?? { kind: 'error', error: new Error('boom') } });
      return 'ok';
    }
    case 'terminate':
      return text(await handle.terminateChild(id));
    case 'restart':
      return text(await handle.restartChild(id));
    case 'delete':
      return text(await handle.deleteChild(id));
    case 'start': {
      const { restart, sig } = operation;
      return text(await handle.startChild({ id, restart, significant: sig, actor: stage.child, args: id }));
    }
  }
}
