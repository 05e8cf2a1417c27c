// Law: every line that tells of an operation is understood or refused by its number; nothing is guessed, and no line is dropped in silence
// but those of the nemesis and of other loggers, which are no client's.
import { type Edn, Keyword, readEdn, textOf } from './edn.ts';
import type { Action, History, Operation } from './operation.ts';

/** `etcd`: one register per file, read, write and compare-and-set. `kv`: texts by key, get, put and append; empty before the first put. */
export type ModelName = 'etcd' | 'kv';

export class MalformedHistory extends Error {}

type Outcome = 'invoke' | 'ok' | 'fail' | 'info';
const outcomes: readonly string[] = ['invoke', 'ok', 'fail', 'info'];

interface Line {
  readonly line: number;
  readonly process: string;
  readonly outcome: Outcome;
  readonly operation: string;
  readonly key: string;
  readonly value: Edn;
}

const registerOperations: readonly string[] = ['read', 'write', 'cas', 'settle'];
const keyedOperations: readonly string[] = ['get', 'put', 'append'];
/** `INFO  jepsen.util - 4 :invoke :read nil`, perhaps with the time before it; the nemesis stands there as `:nemesis`. */
const logLine = /(?:^|\s)jepsen\.util\s+-\s+(:nemesis|\d+)\s+:(\w+)\s+:([\w-]+)\s*(.*)$/;
/** Newer logs name the kind of record in front of the map. */
const recordTag = /^#[\w.]+(?=\{)/;

/** Reads a Jepsen log or a list of EDN maps, one per line. Throws MalformedHistory with the number of the line. */
export function parseHistory(
  text: string,
  model?: ModelName,
): { readonly model: ModelName; readonly history: History } {
  const lines: Line[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = parseLine(raw.trim(), index + 1);
    if (line !== undefined) lines.push(line);
  }
  const first = lines[0];
  // Nobody asked anything: that is a history too, where it can be told for one.
  if (first === undefined && !/^[\s[\]()]*$|:process|jepsen\.util/.test(text))
    throw new MalformedHistory('it holds no operation of a client; is it a Jepsen log?');
  const guessed: ModelName = first !== undefined && keyedOperations.includes(first.operation) ? 'kv' : 'etcd';
  const chosen = model ?? guessed;
  const known = chosen === 'kv' ? keyedOperations : registerOperations;
  for (const { line, operation } of lines)
    if (!known.includes(operation))
      throw new MalformedHistory(
        `line ${line}: the model ${chosen} has no operation :${operation}, only ${known.join(', ')}`,
      );
  return { model: chosen, history: pair(lines, chosen) };
}

function parseLine(raw: string, line: number): Line | undefined {
  const text = outOfVector(raw).replace(recordTag, '');
  if (text === '' || text.startsWith(';')) return undefined;
  const refuse = (why: string): never => {
    throw new MalformedHistory(`line ${line}: ${why}`);
  };
  let process: string;
  let outcome: string;
  let operation: string;
  let key = '';
  let value: Edn;
  try {
    if (text.startsWith('{')) {
      const fields = readEdn(text);
      if (!(fields instanceof Map)) return refuse('not a map');
      const word = (name: string): string => {
        const found = fields.get(name);
        return found instanceof Keyword ? found.name : refuse(`:${name} is missing or no keyword`);
      };
      const who = fields.get('process');
      if (who instanceof Keyword) return undefined;
      if (typeof who !== 'number') return refuse(':process is missing or no number');
      process = String(who);
      outcome = word('type');
      operation = word('f');
      if (fields.has('key')) key = textOf(fields.get('key')!);
      value = fields.get('value') ?? null;
    } else {
      const found = logLine.exec(text);
      if (found === null)
        return /(?:^|\s)jepsen\.util\s+-\s/.test(text) ? refuse('an operation that cannot be read') : undefined;
      if (found[1] === ':nemesis') return undefined;
      process = found[1]!;
      outcome = found[2]!;
      operation = found[3]!;
      // What failed ends in an error's own words, or in the values of the comparison that was refused.
      const isValue = outcome === 'invoke' || outcome === 'ok' || found[4]!.startsWith('[');
      value = isValue && found[4] !== '' ? readEdn(found[4]!) : null;
    }
  } catch (error) {
    if (error instanceof SyntaxError) return refuse(error.message);
    throw error;
  }
  if (!outcomes.includes(outcome)) return refuse(`:${outcome} is none of ${outcomes.join(', ')}`);
  return { line, process, outcome: outcome as Outcome, operation, key, value };
}

/** The maps may stand in one vector or list, a line each. */
function outOfVector(line: string): string {
  if (/^[[\](),]+$/.test(line)) return '';
  return /^[[(]?\s*(#[\w.]+)?\{/.test(line) ? line.replace(/^[[(]\s*/, '').replace(/\}[\s,]*[\])]?$/, '}') : line;
}

interface Pending {
  readonly invocation: Line;
  readonly at: number;
}

/** Puts invocations and returns together. What failed for certain is left out, as if it had not been asked; a refused comparison was seen. */
function pair(lines: readonly Line[], model: ModelName): History {
  const pending = new Map<string, Pending>();
  const operations: Operation[] = [];
  const open = ({ invocation, at }: Pending): void => {
    const action = actionOf(invocation, undefined, model);
    if (action !== undefined)
      operations.push({
        process: invocation.process,
        key: invocation.key,
        action,
        invokedAt: at,
        returnedAt: undefined,
      });
  };
  for (const [at, line] of lines.entries()) {
    const { process, outcome } = line;
    const begun = pending.get(process);
    if (outcome === 'invoke') {
      if (begun !== undefined)
        throw new MalformedHistory(
          `line ${line.line}: process ${process} asks again before its operation of line ${begun.invocation.line} has ended`,
        );
      pending.set(process, { invocation: line, at });
      continue;
    }
    if (begun === undefined) {
      // Clients report some troubles that belong to no operation.
      if (outcome === 'info') continue;
      throw new MalformedHistory(
        `line ${line.line}: process ${process} has nothing under way that could end as ${outcome}`,
      );
    }
    const { invocation } = begun;
    if (invocation.operation !== line.operation || (line.key !== '' && invocation.key !== line.key))
      throw new MalformedHistory(
        `line ${line.line}: process ${process} began another operation, in line ${invocation.line}`,
      );
    pending.delete(process);
    if (outcome === 'info') {
      open(begun);
      continue;
    }
    const action = actionOf(invocation, line, model);
    if (action !== undefined)
      operations.push({ process, key: invocation.key, action, invokedAt: begun.at, returnedAt: at });
  }
  for (const left of pending.values()) open(left);
  return { operations, initial: model === 'kv' ? '' : null, lines: lines.map(({ line }) => line) };
}

/** `ended`: undefined where nobody heard the end. An operation that tells nothing and did nothing is `undefined`. */
function actionOf(invocation: Line, ended: Line | undefined, model: ModelName): Action | undefined {
  const { operation, line } = invocation;
  const scalar = (value: Edn): string => {
    if (value === null || value instanceof Keyword)
      throw new MalformedHistory(`line ${line}: :${operation} without the value it writes`);
    return textOf(value);
  };
  switch (operation) {
    case 'read':
    case 'get': {
      if (ended?.outcome !== 'ok') return undefined;
      if (ended.value === null) return { kind: 'read', value: model === 'kv' ? '' : null };
      return { kind: 'read', value: textOf(ended.value) };
    }
    case 'cas': {
      const { value } = invocation;
      if (!Array.isArray(value) || value.length !== 2)
        throw new MalformedHistory(`line ${line}: :cas takes the value it expects and the one it writes`);
      const [expected, next] = value as [Edn, Edn];
      const from = expected === null ? null : scalar(expected);
      const to = scalar(next);
      if (ended === undefined) return { kind: 'compare-and-set', from, to, outcome: 'open' };
      if (ended.outcome === 'ok') return { kind: 'compare-and-set', from, to, outcome: 'set' };
      // With its values repeated the store answered that it found another; with anything else it never answered.
      return Array.isArray(ended.value) ? { kind: 'compare-and-set', from, to, outcome: 'refused' } : undefined;
    }
    default: {
      if (ended?.outcome === 'fail') return undefined;
      const kind = operation === 'append' || operation === 'settle' ? operation : 'write';
      return { kind, value: scalar(invocation.value) };
    }
  }
}
