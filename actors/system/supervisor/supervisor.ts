// Law: a supervisor is an actor like any other: spawned, stopped, supervised. Its handle talks to it through its mailbox.
import type { AnyDef, Cell } from '../cell.ts';
import { type ActorContext, cellOf } from '../context.ts';
import { ask, type System } from '../system.ts';
import type { ActorDef, ActorRef, Context, Message } from '../types.ts';
import type { Answer, ModelRules, Refusal } from './model-events.ts';
import { type ChildPlan, type ShellAnswer, type SupervisorMessage, SupervisorShell, supervisorDefs } from './shell.ts';
import {
  type AutoShutdown,
  type ChildCounts,
  type ChildSpec,
  type ChildState,
  checkChildRules,
  checkChildSpec,
  checkIntensity,
  checkSupervisorSpec,
  type DynamicSpec,
  type Intensity,
  type Result,
  type StartChildError,
  type SupervisorSpec,
  SupervisorSpecError,
  type TypedChildren,
} from './spec.ts';

/** gen_server's default for calls. */
const defaultTimeoutMs = 5000;

/**
 * An actor definition from a specification, in which each child's arguments are checked against its actor at compile time. Throws
 * SupervisorSpecError, with OTP's code, where the specification is bad.
 */
export function supervisor<const A extends readonly unknown[]>(
  spec: Omit<SupervisorSpec, 'children'> & { readonly children: readonly [...TypedChildren<A>] },
): ActorDef<SupervisorMessage, unknown> {
  checkSupervisorSpec(spec);
  const rules = rulesOf(spec, spec.strategy ?? 'one_for_one');
  return definition(rules, spec.children.map(staticPlan));
}

/** OTP's simple_one_for_one: see DynamicSpec. */
export function dynamicSupervisor<M extends Message, A>(spec: DynamicSpec<M, A>): ActorDef<SupervisorMessage, unknown> {
  checkIntensity(spec);
  checkChildRules('(dynamic)', spec.child, spec.child.actor, spec.autoShutdown);
  const def = definition(rulesOf(spec, 'dynamic'), []);
  templates.set(def, { ...spec.child, id: '', args: undefined, name: undefined });
  return def;
}

/** Kept beside the definitions, so that a handle needs only the ref. */
const templates = new WeakMap<object, ChildPlan>();
const autoShutdowns = new WeakMap<object, AutoShutdown>();

function definition(rules: ModelRules, plans: readonly ChildPlan[]): ActorDef<SupervisorMessage, unknown> {
  const def: ActorDef<SupervisorMessage, SupervisorShell> = {
    kind: 'supervisor',
    start: (ctx: Context<SupervisorMessage>) =>
      new SupervisorShell(ctx as unknown as ActorContext, rules, plans).init(),
    receive: (shell, message) => shell.receive(message),
    // As OTP's: it traps, and exits of others than its parent mean nothing to it.
    trapExit: true,
    signal: () => undefined,
  };
  supervisorDefs.add(def);
  autoShutdowns.set(def, rules.autoShutdown);
  return def as ActorDef<SupervisorMessage, unknown>;
}

function rulesOf(spec: Intensity, strategy: ModelRules['strategy']): ModelRules {
  return {
    strategy,
    intensity: spec.intensity ?? 1,
    periodMs: spec.periodMs ?? 5000,
    autoShutdown: spec.autoShutdown ?? 'never',
  };
}

function staticPlan(spec: ChildSpec): ChildPlan {
  return { ...spec, actor: spec.actor as AnyDef, name: spec.id };
}

export interface SupervisorHandle {
  /** The value is undefined where the child's `start` said `ignore`. Throws SupervisorSpecError for a bad specification. */
  startChild<M extends Message, A>(spec: ChildSpec<M, A>): Promise<Result<ActorRef<M> | undefined, StartChildError>>;
  /** Ends the child; its specification stays unless it is temporary. */
  terminateChild(id: string): Promise<Result<void, 'not_found'>>;
  /** Starts a child that is down, behind a new ref. */
  restartChild(
    id: string,
  ): Promise<Result<ActorRef<never> | undefined, 'not_found' | 'running' | 'restarting' | { readonly failed: Error }>>;
  /** Forgets the specification of a child that is down. */
  deleteChild(id: string): Promise<Result<void, 'not_found' | 'running' | 'restarting'>>;
  /** Newest first, now. Empty once the supervisor has ended. */
  children(): readonly ChildState[];
  counts(): ChildCounts;
  /** The living child of that id, now. */
  child<M extends Message>(id: string): ActorRef<M> | undefined;
}

export interface DynamicSupervisorHandle<M extends Message, A> {
  startChild(args: A, options?: { readonly name?: string }): Promise<Result<ActorRef<M> | undefined, StartChildError>>;
  /** Ends that child. Ok also where it had ended already. */
  terminateChild(ref: ActorRef<M>): Promise<Result<void, 'not_found'>>;
  children(): readonly ChildState[];
  counts(): ChildCounts;
}

/** Calls reject with AskError: `timeout` (5 s unless said otherwise), `stopped` when the supervisor has ended. */
export function supervisorHandle(
  system: System,
  ref: ActorRef<SupervisorMessage>,
  timeoutMs: number = defaultTimeoutMs,
): SupervisorHandle {
  const call = (type: 'terminate' | 'restart' | 'delete', id: string): Promise<ShellAnswer> =>
    ask(system, ref, { type, id }, { timeoutMs });
  return {
    async startChild(spec) {
      try {
        checkChildSpec(spec, autoShutdowns.get(cellOf(ref).def));
      } catch (error) {
        if (error instanceof SupervisorSpecError && error.code === 'bad_combination')
          return { ok: false, error: error.code };
        throw error;
      }
      return started(await ask(system, ref, { type: 'startChild', plan: staticPlan(spec) }, { timeoutMs }));
    },
    terminateChild: async (id) => done(await call('terminate', id)),
    restartChild: async (id) => started(await call('restart', id)),
    deleteChild: async (id) => done(await call('delete', id)),
    ...views(ref),
    child: (id) => shellOf(cellOf(ref))?.child(id),
  };
}

export function dynamicSupervisorHandle<M extends Message, A>(
  system: System,
  ref: ActorRef<SupervisorMessage>,
  timeoutMs: number = defaultTimeoutMs,
): DynamicSupervisorHandle<M, A> {
  const template = templates.get(cellOf(ref).def);
  if (template === undefined) throw new TypeError(`${cellOf(ref).path} is not a dynamic supervisor`);
  return {
    async startChild(args, options) {
      const plan: ChildPlan = { ...template, args, name: options?.name };
      return started(await ask(system, ref, { type: 'startChild', plan }, { timeoutMs }));
    },
    terminateChild: async (child) => done(await ask(system, ref, { type: 'terminateRef', ref: child }, { timeoutMs })),
    ...views(ref),
  };
}

function shellOf(cell: Cell): SupervisorShell | undefined {
  if (!supervisorDefs.has(cell.def)) throw new TypeError(`${cell.path} is not a supervisor`);
  return cell.overseer as SupervisorShell | undefined;
}

function views(ref: ActorRef<SupervisorMessage>): Pick<SupervisorHandle, 'children' | 'counts'> {
  const none: ChildCounts = { specs: 0, active: 0, supervisors: 0, workers: 0 };
  return {
    children: () => shellOf(cellOf(ref))?.childStates() ?? [],
    counts: () => shellOf(cellOf(ref))?.counts() ?? none,
  };
}

function started({ answer, ref }: ShellAnswer): Result<never, never> {
  return (answer.ok ? { ok: true, value: answer.ignored ? undefined : ref } : refused(answer)) as Result<never, never>;
}

function done({ answer }: ShellAnswer): Result<never, never> {
  return (answer.ok ? { ok: true, value: undefined } : refused(answer)) as Result<never, never>;
}

function refused(answer: Extract<Answer, { ok: false }>): {
  readonly ok: false;
  readonly error: Refusal | { readonly failed: unknown };
} {
  return { ok: false, error: answer.error };
}
