import { describe, expect, it } from 'vitest';
import { checkHistory } from './check.ts';
import { readEdn, textOf } from './edn.ts';
import { MalformedHistory, parseHistory } from './parse.ts';

const log = (...lines: string[]): string =>
  lines.map((line) => `INFO  jepsen.util - ${line.replaceAll(' ', '\t')}`).join('\n');
const actionsOf = (text: string) =>
  parseHistory(text).history.operations.map(({ action, returnedAt }) => ({ ...action, returnedAt }));

describe('a Jepsen log', () => {
  it('is read whole: what timed out stays open, what failed for certain was never asked, a refused comparison was seen', () => {
    const text = log(
      '0 :invoke :write 3',
      '1 :invoke :read nil',
      ':nemesis :info :start :isolated',
      '1 :fail :read :timed-out',
      '0 :info :write :timed-out',
      '2 :invoke :write 4',
      '2 :fail :write :refused',
      '3 :invoke :write 1',
      '3 :ok :write 1',
    )
      .concat('\nINFO  jepsen.core - Worker 3 starting\n')
      .concat('2015-03-01 10:00:00,000 INFO  jepsen.util - 4\t:invoke\t:cas\t[1 2]\n')
      .concat('INFO  jepsen.util - 4\t:fail\t:cas\t[1 2]\n')
      .concat('INFO  jepsen.util - 5\t:invoke\t:cas\t[nil 2]\nINFO  jepsen.util - 6\t:invoke\t:cas\t[1 2]\n')
      .concat(
        'INFO  jepsen.util - 6\t:fail\t:cas\tjava.net.SocketException: {[\nINFO  jepsen.util - 7\t:invoke\t:read\tnil\n',
      )
      .concat('INFO  jepsen.util - 7\t:ok\t:read\tnil\n');
    expect(actionsOf(text)).toEqual([
      { kind: 'write', value: '3', returnedAt: undefined },
      { kind: 'write', value: '1', returnedAt: 7 },
      { kind: 'compare-and-set', from: '1', to: '2', outcome: 'refused', returnedAt: 9 },
      { kind: 'read', value: null, returnedAt: 14 },
      { kind: 'compare-and-set', from: null, to: '2', outcome: 'open', returnedAt: undefined },
    ]);
    expect(parseHistory(text).history.lines.slice(-2)).toEqual([16, 17]);
  });

  it('is read as maps too, of a key-value store and of a register', () => {
    const text = `#jepsen.history.Op{:process 0, :type :invoke, :f :put, :key "k", :value "a \\"b\\""}
{:process 0 :type :ok :f :put :key "k" :value "a \\"b\\""}
{:process 1, :type :invoke, :f :get, :key "k", :value nil}
{:process :nemesis, :type :info, :f :start, :value nil}
{:process 1, :type :ok, :f :get, :key "k", :value nil}
{:process 2, :type :invoke, :f :append, :key "k", :value "c"}
{:process 2, :type :info, :f :append, :key "k", :value "c", :error [:timeout]}`;
    expect(parseHistory(text)).toMatchObject({ model: 'kv', history: { initial: '' } });
    expect(actionsOf(text)).toEqual([
      { kind: 'write', value: 'a "b"', returnedAt: 1 },
      { kind: 'read', value: '', returnedAt: 3 },
      { kind: 'append', value: 'c', returnedAt: undefined },
    ]);
    const register =
      '{:type :invoke, :process 1, :f :cas, :value [0 1]}\n{:type :ok, :process 1, :f :cas, :value [0 1]}';
    expect(parseHistory(register).model).toBe('etcd');
    expect(actionsOf(register)).toEqual([
      { kind: 'compare-and-set', from: '0', to: '1', outcome: 'set', returnedAt: 1 },
    ]);
  });

  it('is refused by the number of its line where it makes no sense', () => {
    const refusals: readonly (readonly [text: string, why: RegExp])[] = [
      ['once upon a time', /no operation/],
      [log('0 :ok :read 1'), /line 1: .* nothing under way/],
      [log('0 :invoke :read nil', '0 :invoke :read nil'), /line 2: .* asks again .* line 1/],
      [log('0 :invoke :read nil', '0 :ok :write 1'), /line 2: .* another operation, in line 1/],
      [log('0 :invoke :add 1'), /line 1: .* no operation :add/],
      [log('0 :invoke :cas 1', '0 :ok :cas 1'), /line 1: :cas takes/],
      [log('0 :invoke :write nil'), /line 1: :write without the value/],
      [log('0 :begin :read nil'), /line 1: :begin is none of/],
      ['INFO  jepsen.util - what', /line 1: an operation that cannot be read/],
      ['{:process 0, :type :invoke, :f :get, :key "k"', /line 1: no closing }/],
      ['{:process "a", :type :invoke, :f :get}', /line 1: :process/],
    ];
    for (const [text, why] of refusals) {
      expect(() => parseHistory(text), text).toThrow(MalformedHistory);
      expect(() => parseHistory(text), text).toThrow(why);
    }
    expect(() => parseHistory(log('0 :invoke :read nil'), 'kv')).toThrow(/the model kv has no operation :read/);
  });
});

it('EDN values that differ have texts that differ, and nonsense is refused with its column', () => {
  expect(textOf(readEdn('[1 nil "a" :b {:c (2)}]'))).toBe('[1 nil a :b {c [2]}]');
  for (const text of ['', '"a', '[1', '{:a}', '1 2', '"\\q"', ']', '['.repeat(100)])
    expect(() => readEdn(text), text).toThrow(/column/);
});

describe('odd histories', () => {
  const invoke = '{:process 0, :type :invoke, :f :write, :value 1}';
  const ok = '{:process 0, :type :ok, :f :write, :value 1}';
  it.each([
    ['nothing at all', '', 0],
    ['an empty vector', '[]\n', 0],
    ['the nemesis alone', '{:process :nemesis, :type :info, :f :start, :value nil}\n', 0],
    ['what was never answered', invoke, 1],
    ['a vector of maps', `[${invoke}\n ${ok}]\n`, 1],
    ['brackets on lines of their own, and commas', `[\n${invoke},\n${ok},\n]\n`, 1],
    ['a byte order mark and the line ends of Windows', `\uFEFF${invoke}\r\n${ok}\r\n`, 1],
  ])('are read: %s', (_, text, operations) => {
    const { history } = parseHistory(text);
    expect(history.operations).toHaveLength(operations);
    expect(checkHistory(history, { memoryBytes: 2 ** 20, steps: 1_000 }).verdict).toBe('ok');
  });
  it('are refused where they are of something else: other text, operations that no model has', () => {
    expect(() => parseHistory('it was a dark and stormy night\n')).toThrow(/no operation of a client/);
    expect(() => parseHistory(invoke.replace(':write', ':frob'))).toThrow(/has no operation :frob/);
  });
});
