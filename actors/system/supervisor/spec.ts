// Law: a specification is checked whole before anything starts; a bad one is refused with OTP's name for what is wrong.
import type { ActorDef, ActorRef, Message } from '../types.ts';

/**
 * one_for_one: only the child that ended restarts · one_for_all: all do · rest_for_one: it and those started after it do.
 * Dynamic children, all of one kind, are `dynamicSupervisor`'s.
 */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';
export type Restart = 'permanent' | 'transient' | 'temporary';
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant';

/** Delays restarts: minMs doubled at each attempt up to maxMs, of which the random part is `jitter` (0 to 1). OTP has none. */
export interface Backoff {
  readonly minMs: number;
  /** Also how long a child must have been up for the next delay to be minMs again. */
  readonly maxMs: number;
  readonly jitter: number;
}

export interface ChildRules {
  /** permanent: always restarted · transient: after an abnormal end · temporary: never, and forgotten. Default permanent. */
  readonly restart?: Restart;
  /** Milliseconds to end in order before it is killed. Default 5,000; `infinity` for a supervisor. */
  readonly shutdown?: number | 'infinity' | 'kill';
  /** Its end by itself may end the supervisor: see `autoShutdown`. */
  readonly significant?: boolean;
  readonly backoff?: Backoff;
}

// biome-ignore lint/suspicious/noExplicitAny: children of one supervisor speak different protocols
export interface ChildSpec<M extends Message = any, A = any> extends ChildRules {
  /** Unique in its supervisor; also the child's name in paths. */
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: the state is the actor's own business, and invariant
  readonly actor: ActorDef<M, any, A>;
  readonly args: NoInfer<A>;
}

/** Children of different actors, each with the arguments its own actor takes. */
export type TypedChildren<A extends readonly unknown[]> = {
  // biome-ignore lint/suspicious/noExplicitAny: children of one supervisor speak different protocols
  readonly [K in keyof A]: ChildSpec<any, A[K]>;
};

/** A child whose arguments are checked against its actor, where it is not written in the specification itself. */
export function child<M extends Message, A>(spec: ChildSpec<M, A>): ChildSpec {
  return spec;
}

export interface Intensity {
  /** Restarts allowed within periodMs; one more ends the supervisor. Default 1: the second ends it. */
  readonly intensity?: number;
  /** Default 5,000. A restart exactly periodMs old still counts. OTP measures whole seconds, this is exact. */
  readonly periodMs?: number;
  /** Default never. */
  readonly autoShutdown?: AutoShutdown;
}

export interface SupervisorSpec extends Intensity {
  /** Default one_for_one. */
  readonly strategy?: Strategy;
  /** In start order; they stop in the reverse. */
  readonly children: readonly ChildSpec[];
}

/** OTP's simple_one_for_one: any number of children of one kind, started with their own arguments, stopped all at once. */
export interface DynamicSpec<M extends Message, A> extends Intensity {
  // biome-ignore lint/suspicious/noExplicitAny: the state is the actor's own business, and invariant
  readonly child: ChildRules & { readonly actor: ActorDef<M, any, A> };
}

export type SpecErrorCode =
  | 'invalid_strategy'
  | 'invalid_intensity'
  | 'invalid_period'
  | 'invalid_auto_shutdown'
  | 'missing_id'
  | 'missing_actor'
  | 'invalid_restart_type'
  | 'invalid_shutdown'
  | 'invalid_backoff'
  | 'duplicate_child_name'
  | 'bad_combination';

export class SupervisorSpecError extends Error {
  override readonly name = 'SupervisorSpecError';
  readonly code: SpecErrorCode;
  constructor(code: SpecErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export type Run = 'up' | 'down' | 'restarting';

export interface ChildState {
  readonly id: string;
  readonly run: Run;
  /** The living child. Also the one that waits for its restart: what it is told waits with it. */
  readonly ref: ActorRef<never> | undefined;
}

/** OTP's count_children. */
export interface ChildCounts {
  readonly specs: number;
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

export type StartChildError = 'already_started' | 'already_present' | 'bad_combination' | { readonly failed: Error };
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export function checkIntensity(spec: Intensity): void {
  const { intensity = 1, periodMs = 5000, autoShutdown = 'never' } = spec;
  if (!Number.isInteger(intensity) || intensity < 0)
    fail('invalid_intensity', `intensity ${intensity}: it is an integer from 0`);
  if (!Number.isFinite(periodMs) || periodMs <= 0)
    fail('invalid_period', `periodMs ${periodMs}: it is a finite number above 0`);
  if (!['never', 'any_significant', 'all_significant'].includes(autoShutdown)) {
    fail('invalid_auto_shutdown', `autoShutdown '${autoShutdown}': it is never, any_significant or all_significant`);
  }
}

export function checkSupervisorSpec(spec: SupervisorSpec): void {
  const { strategy = 'one_for_one' } = spec;
  if (!['one_for_one', 'one_for_all', 'rest_for_one'].includes(strategy)) {
    fail('invalid_strategy', `strategy '${strategy}': it is one_for_one, one_for_all or rest_for_one`);
  }
  checkIntensity(spec);
  const ids = new Set<string>();
  for (const child of spec.children) {
    checkChildSpec(child, spec.autoShutdown);
    if (ids.has(child.id)) fail('duplicate_child_name', `two children are called '${child.id}'`);
    ids.add(child.id);
  }
}

export function checkChildSpec(child: ChildSpec, autoShutdown: AutoShutdown = 'never'): void {
  if (typeof child.id !== 'string' || child.id === '' || child.id.startsWith('$') || child.id.includes('/')) {
    fail('missing_id', `'${child.id}' cannot name a child: ids are not empty, hold no '/' and do not start with '$'`);
  }
  checkChildRules(child.id, child, child.actor, autoShutdown);
}

export function checkChildRules(
  id: string,
  child: ChildRules,
  actor: unknown,
  autoShutdown: AutoShutdown = 'never',
): void {
  const { restart = 'permanent', shutdown = 0, backoff } = child;
  if (typeof (actor as { readonly start?: unknown } | undefined)?.start !== 'function') {
    fail('missing_actor', `child '${id}' has no actor definition to start`);
  }
  if (!['permanent', 'transient', 'temporary'].includes(restart)) {
    fail('invalid_restart_type', `child '${id}': restart '${restart}' is not permanent, transient or temporary`);
  }
  if (shutdown !== 'infinity' && shutdown !== 'kill' && !(Number.isFinite(shutdown) && shutdown >= 0)) {
    fail('invalid_shutdown', `child '${id}': shutdown ${shutdown} is not milliseconds from 0, infinity or kill`);
  }
  if (
    backoff !== undefined &&
    !(backoff.minMs > 0 && backoff.maxMs >= backoff.minMs && backoff.jitter >= 0 && backoff.jitter <= 1)
  ) {
    fail('invalid_backoff', `child '${id}': a back-off needs 0 < minMs ≤ maxMs and a jitter from 0 to 1`);
  }
  if (child.significant !== true) return;
  if (autoShutdown === 'never') fail('bad_combination', `child '${id}' is significant, but autoShutdown is never`);
  if (restart === 'permanent')
    fail('bad_combination', `child '${id}' is significant and permanent: it never ends by itself`);
}

function fail(code: SpecErrorCode, message: string): never {
  throw new SupervisorSpecError(code, `supervisor specification: ${message}`);
}
