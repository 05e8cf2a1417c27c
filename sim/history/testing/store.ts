// Law: histories as clients of a real store would write them down: many clients at once, some of whose answers are lost; and, on request,
// one read that lies.
import type { Random } from '../../../actors/system/index.ts';
import type { Action, History, Operation } from '../operation.ts';

export interface StoreOptions {
  readonly random: Random;
  readonly clients: number;
  readonly operations: number;
  readonly keys: number;
  /** `register`: read, write, compare-and-set of few values. `text`: get, put and append of texts that never come twice. */
  readonly kind: 'register' | 'text';
  /** Share of operations whose answer is lost, whether or not they took effect. */
  readonly lost?: number;
  /** A read late in the history answers what was there some writes before. */
  readonly stale?: boolean;
}

interface UnderWay {
  readonly process: string;
  readonly key: string;
  readonly ask: Action;
  readonly invokedAt: number;
  answer: Action | undefined;
}

export function recordStore(options: StoreOptions): History {
  const { random, clients, keys, kind, lost = 0, stale = false } = options;
  const initial = kind === 'text' ? '' : null;
  const stored = new Map<string, (string | null)[]>();
  const operations: Operation[] = [];
  const idle = Array.from({ length: clients }, (_, i) => i);
  const underWay: UnderWay[] = [];
  let place = 0;
  let asked = 0;
  let nextProcess = clients;
  let mustLie = stale;

  const take = (one: UnderWay): void => {
    const history = stored.get(one.key) ?? [initial];
    stored.set(one.key, history);
    const value = history.at(-1)!;
    const { ask } = one;
    if (ask.kind === 'read') {
      let seen = value;
      if (mustLie && asked > options.operations * 0.7 && history.length > 3 * clients) {
        seen = history.at(-1 - 2 * clients)!;
        if (seen !== value) mustLie = false;
      }
      one.answer = { kind: 'read', value: seen };
      return;
    }
    if (ask.kind === 'compare-and-set') {
      one.answer = { ...ask, outcome: value === ask.from ? 'set' : 'refused' };
      if (value === ask.from) history.push(ask.to);
      return;
    }
    one.answer = ask;
    history.push(ask.kind === 'append' ? `${value ?? ''}${ask.value}` : ask.value);
  };

  while (asked < options.operations || underWay.length > 0) {
    const mayAsk = asked < options.operations && idle.length > 0;
    if (mayAsk && random.chance(0.4)) {
      const client = idle.splice(random.below(idle.length), 1)[0]!;
      const key = String(random.below(keys));
      underWay.push({
        process: String(client),
        key,
        ask: draw(random, kind, asked++),
        invokedAt: place++,
        answer: undefined,
      });
      continue;
    }
    if (underWay.length === 0) continue;
    const at = random.below(underWay.length);
    const one = underWay[at]!;
    const { process, key, invokedAt, ask } = one;
    if (random.chance(lost)) {
      if (one.answer === undefined && random.chance(0.5)) take(one);
      underWay.splice(at, 1);
      operations.push({ process, key, action: ask, invokedAt, returnedAt: undefined });
      // Whoever never heard an answer comes back as somebody else.
      idle.push(nextProcess++);
      continue;
    }
    if (one.answer === undefined) {
      take(one);
      continue;
    }
    underWay.splice(at, 1);
    idle.push(Number(process));
    operations.push({ process, key, action: one.answer, invokedAt, returnedAt: place++ });
  }
  return { operations, initial, lines: Array.from({ length: place }, (_, i) => i + 1) };
}

function draw(random: Random, kind: StoreOptions['kind'], number: number): Action {
  const dice = random.below(10);
  if (kind === 'text') {
    if (dice < 5) return { kind: 'read', value: '' };
    return dice === 9 ? { kind: 'write', value: `p${number};` } : { kind: 'append', value: `a${number};` };
  }
  const value = (): string => String(random.below(5));
  if (dice < 3) return { kind: 'read', value: null };
  if (dice < 6) return { kind: 'write', value: value() };
  return { kind: 'compare-and-set', from: value(), to: value(), outcome: 'open' };
}
