// Law: an event that was accepted is durable, and every group handles it at least once, in the order in which its publisher published the
// events of one key; what cannot be handled is put aside with its reason and never holds up the rest for ever.
export interface EventToPublish {
  /** Events of one key are handled in the order in which one publisher published them. At most 256 bytes; may be empty. */
  readonly key: string;
  /** At most 64 KiB. */
  readonly data: Uint8Array;
  /** The same at every delivery: what a handler recognises a repeat by. Made up where absent. At most 256 bytes. */
  readonly id?: string;
}

export interface BusEvent {
  readonly topic: string;
  readonly key: string;
  readonly id: string;
  /** Wall clock of its publisher, in milliseconds. */
  readonly atMs: number;
  readonly data: Uint8Array;
  /** In a dead-letter topic: where it came from and why it is there. Empty otherwise. */
  readonly note: string;
  /** `SOURCE:SEQUENCE:INDEX`: give it to `read` to go on after this event. */
  readonly position: string;
}

/** `first`: everything that is kept; `new`: what comes from now on; positions: after these, and everything of sources that none names. */
export type ReadFrom = 'first' | 'new' | readonly string[];

export interface JoinOptions {
  /**
   * Given events of one source in order; all of them count as handled when it returns or resolves. Where it throws, each is given again by
   * itself, with growing pauses.
   */
  readonly handle: (events: readonly BusEvent[]) => Promise<void> | void;
  /** Tries of one event before it goes to the dead letters, whether the handler threw or its process died. Default 5. */
  readonly maxAttempts?: number;
  /** Events given at once. Default 128. */
  readonly maxEvents?: number;
  /** Pause before the second try; doubles up to 5 s. Default 200 ms. */
  readonly retryMs?: number;
  /** Where a group begins that nobody has joined before. Default `first`. */
  readonly from?: 'first' | 'new';
  /** A consumer that is not heard of for this long is dead, and what it held goes to others. Default 3 s. */
  readonly leaseMs?: number;
}

export interface Membership {
  readonly consumer: string;
  /** Sources whose events this consumer is given now. */
  sources(): readonly string[];
  /** Resolves once the handler is done with what it has and all of it is on record. */
  leave(): Promise<void>;
  /**
   * At once: what the handler still has counts as not handled, and others are given it soon. What it was at work on may have been what ended
   * it, as in a death: `atWorkOn` names those sources, so that events of the others, which nobody saw, take no blame. Default: all.
   */
  abandon(atWorkOn?: readonly string[]): void;
}

export interface ShareInfo {
  readonly source: string;
  readonly consumer: string;
  readonly released: boolean;
  /** Batches up to here were handled, and of this one `count` events. */
  readonly sequence: number;
  readonly count: number;
  /** Deaths of consumers at this event. */
  readonly attempts: number;
}
export interface GroupInfo {
  readonly topic: string;
  readonly group: string;
  readonly shares: readonly ShareInfo[];
}

export interface EventBus {
  /** What carries it: `jetstream` or `lanes`. */
  readonly kind: string;
  /** Resolves with the event's position once it is durable. Rejects with EventBusError; after `unavailable` it may have been stored nevertheless. */
  publish(topic: string, event: EventToPublish): Promise<string>;
  /** What is there and then what comes, until `signal` aborts; on nobody's account. Throws EventBusError. */
  read(topic: string, options: { readonly from: ReadFrom; readonly signal: AbortSignal }): AsyncIterable<BusEvent>;
  /** Takes a share of the group's events. Throws EventBusError `invalid`. */
  join(topic: string, group: string, options: JoinOptions): Promise<Membership>;
  groups(): Promise<readonly GroupInfo[]>;
  close(): Promise<void>;
}

export type EventBusErrorCode = 'invalid' | 'overloaded' | 'unavailable' | 'closed';
export class EventBusError extends Error {
  override readonly name = 'EventBusError';
  readonly code: EventBusErrorCode;
  constructor(code: EventBusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const maxEventBytes = 64 << 10;
export const maxKeyBytes = 256;
export const defaultLeaseMs = 3_000;

const topicPattern = /^[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)*$/;
const groupPattern = /^[a-z0-9][a-z0-9-]{0,31}$/;
const maxTopicLength = 160;

/** Throws EventBusError `invalid`. */
export function checkTopic(topic: string): void {
  if (topic.length > maxTopicLength || !topicPattern.test(topic))
    throw new EventBusError(
      'invalid',
      `'${topic.slice(0, 80)}' is no topic: lower-case words of letters, digits and '-', joined by '.', at most ${maxTopicLength} characters`,
    );
}

/** Throws EventBusError `invalid`. */
export function checkGroup(group: string): void {
  if (!groupPattern.test(group))
    throw new EventBusError(
      'invalid',
      `'${group.slice(0, 80)}' is no group: lower-case letters, digits and '-', at most 32`,
    );
}

/** The topic that keeps what `group` could not handle of `topic`: read it like any other. */
export const deadLetterTopic = (topic: string, group: string): string => `dead.${group}.${topic}`;

export interface Position {
  readonly source: string;
  readonly sequence: number;
  readonly index: number;
}

export const positionText = ({ source, sequence, index }: Position): string => `${source}:${sequence}:${index}`;

/** Throws EventBusError `invalid`. */
export function parsePosition(text: string): Position {
  const match = /^([A-Za-z0-9/]{1,80}):(\d{1,15}):(\d{1,6})$/.exec(text);
  if (match === null)
    throw new EventBusError('invalid', `'${text.slice(0, 100)}' is no position: take it from an event's "position"`);
  return { source: match[1]!, sequence: Number(match[2]), index: Number(match[3]) };
}
