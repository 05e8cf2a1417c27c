// Law: everything a supervisor's model hears and says, as plain values.
import type { AutoShutdown, Backoff, Restart, Strategy } from './spec.ts';

export interface ModelRules {
  readonly strategy: Strategy | 'dynamic';
  readonly intensity: number;
  readonly periodMs: number;
  readonly autoShutdown: AutoShutdown;
}

export interface ModelChild {
  readonly id: string;
  readonly restart: Restart;
  readonly significant: boolean;
  readonly backoff?: Backoff | undefined;
}

/** How a child ended, as far as restarting goes: `shutdown` with any detail is `shutdown`, everything else but normal is abnormal. */
export type EndKind = 'normal' | 'shutdown' | 'abnormal';

export type Refusal = 'already_started' | 'already_present' | 'not_found' | 'running' | 'restarting';
export type Answer =
  | { readonly ok: true; readonly ignored: boolean }
  | { readonly ok: false; readonly error: Refusal | { readonly failed: unknown } };

export type ModelEvent =
  | { readonly type: 'init' }
  | { readonly type: 'started'; readonly id: string }
  | { readonly type: 'ignored'; readonly id: string }
  | { readonly type: 'failed'; readonly id: string; readonly error: unknown }
  /** A child ended, asked to or not. */
  | { readonly type: 'ended'; readonly id: string; readonly how: EndKind }
  | { readonly type: 'start'; readonly child: ModelChild; readonly request: unknown }
  | { readonly type: 'terminate' | 'restart' | 'delete'; readonly id: string; readonly request: unknown }
  | { readonly type: 'retry'; readonly id: string }
  /** The supervisor is to end its children now. */
  | { readonly type: 'shutdown' };

export type ModelEffect =
  /** Answered by started, ignored or failed. */
  | { readonly type: 'start'; readonly id: string }
  /** Each is answered by ended, at once where it had ended already. Several only for dynamic children: at the same time. */
  | { readonly type: 'stop'; readonly ids: readonly string[] }
  /** This child will not be revived behind its ref. */
  | { readonly type: 'release'; readonly id: string }
  | { readonly type: 'answer'; readonly request: unknown; readonly answer: Answer }
  /** Send a `retry` event, after what waits already; after the back-off's delay for that attempt (from 0), if there is one. */
  | { readonly type: 'retry'; readonly id: string; readonly backoff: Backoff | undefined; readonly attempt: number }
  | { readonly type: 'ready' }
  /** All children have ended. `failed`: during init, because of this child. */
  | { readonly type: 'exit'; readonly failed?: { readonly id: string; readonly error: unknown } };
