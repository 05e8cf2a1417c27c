// Law: a history goes out in the words in which it would come in, one EDN map per line, so that other checkers (knossos, porcupine) can be asked.
import type { Action, History } from './operation.ts';

export function writeHistory({ operations, initial, lines }: History): string {
  const events: string[] = Array.from({ length: lines.length }, () => '');
  const isKeyed = initial === '';
  // Processes go by number there.
  const processes = [...new Set(operations.map(({ process }) => process))];
  for (const { process, key, action, invokedAt, returnedAt } of operations) {
    const line = (type: string, value: string): string =>
      `{:process ${processes.indexOf(process)}, :type :${type}, :f :${nameOf(action, isKeyed)}, ${isKeyed || key !== '' ? `:key ${JSON.stringify(key)}, ` : ''}:value ${value}}`;
    const shown = (value: string | null): string => (value === null ? 'nil' : JSON.stringify(value));
    const value =
      action.kind === 'compare-and-set' ? `[${shown(action.from)} ${shown(action.to)}]` : shown(action.value);
    events[invokedAt] = line('invoke', action.kind === 'read' ? 'nil' : value);
    const isRefused = action.kind === 'compare-and-set' && action.outcome === 'refused';
    if (returnedAt !== undefined) events[returnedAt] = line(isRefused ? 'fail' : 'ok', value);
  }
  return `${events.filter((event) => event !== '').join('\n')}\n`;
}

function nameOf({ kind }: Action, isKeyed: boolean): string {
  if (kind === 'compare-and-set') return 'cas';
  if (!isKeyed) return kind;
  return kind === 'read' ? 'get' : kind === 'write' ? 'put' : kind;
}
