// Law: while a run's loop is on the stack, nothing reaches the machine's own clock, chance, timers, network, files or threads: a reach for
// one of them is told, with the stack that names the offender, and throws. The loop is synchronous, so nobody else in the process notices.
import { createRequire, syncBuiltinESMExports } from 'node:module';

export type Tripped = (what: string, where: string) => void;

const require = createRequire(import.meta.url);

let onTrip: Tripped | undefined;

/** The first frame of the stack that is not this file's: who did it. */
function whereFrom(): string {
  const frames = (new Error('leak').stack ?? '').split('\n').slice(1);
  const frame = frames.find((line) => !line.includes(import.meta.url) && !line.includes('sim/world/seal'));
  return (frame ?? 'unknown').trim();
}

function trip(what: string): never {
  const where = whereFrom();
  onTrip?.(what, where);
  throw new Error(`${what} was reached for during a simulated run, ${where}; go through a World port`);
}

interface Patch {
  readonly target: object;
  readonly key: PropertyKey;
  readonly sealed: PropertyDescriptor;
}

/** Trips when it is called and when it is constructed, and so do its own functions (`process.hrtime.bigint`). */
function method(target: object, key: string, what: string): Patch {
  // A declaration: an arrow could not be constructed.
  function sealed(): never {
    return trip(what);
  }
  const original = (target as Record<string, unknown>)[key];
  if (typeof original === 'function')
    for (const [name, value] of Object.entries(original))
      if (typeof value === 'function') Object.assign(sealed, { [name]: () => trip(`${what}.${name}`) });
  return { target, key, sealed: { configurable: true, writable: true, value: sealed } };
}

/** As it is without a callback; with one it would run on the thread pool and answer outside of virtual time. */
function synchronous(target: object, key: string, what: string): Patch {
  const original = (target as Record<string, (...args: unknown[]) => unknown>)[key]!;
  const value = (...args: unknown[]): unknown =>
    typeof args.at(-1) === 'function' ? trip(`${what} on the thread pool`) : original(...args);
  return { target, key, sealed: { configurable: true, writable: true, value } };
}

function sealedDate(): DateConstructor {
  return new Proxy(Date, {
    apply: () => trip('Date()'),
    // With a time given it is a calendar and no clock.
    construct: (target, args, newTarget) =>
      args.length === 0 ? trip('new Date()') : Reflect.construct(target, args, newTarget),
    get: (target, key) => (key === 'now' ? () => trip('Date.now') : Reflect.get(target, key)),
  });
}

const timers = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'];
const networkGlobals = ['fetch', 'WebSocket', 'EventSource', 'MessageChannel', 'BroadcastChannel'];
/** Modules whose functions and classes all reach outside, or onto the thread pool; of node:crypto only its own chance and its asynchronous forms. */
const outside = [
  'node:fs',
  'node:fs/promises',
  'node:net',
  'node:dgram',
  'node:dns',
  'node:child_process',
  'node:worker_threads',
  'node:http',
  'node:https',
  'node:http2',
  'node:inspector',
  'node:tls',
  'node:zlib',
  'node:timers',
  'node:timers/promises',
  'node:readline',
  'node:cluster',
];
const cryptoLeaks = [
  'randomBytes',
  'randomInt',
  'randomUUID',
  'randomFill',
  'randomFillSync',
  'generateKeyPair',
  'generateKeyPairSync',
  'generateKey',
  'pbkdf2',
  'scrypt',
  'argon2',
  'generatePrime',
  'generatePrimeSync',
  'checkPrime',
];
/** These have a synchronous form, which is what the Crypto port uses. */
const cryptoEither = ['sign', 'verify', 'hkdf', 'diffieHellman'];
const processLeaks = ['hrtime', 'nextTick', 'uptime', 'cpuUsage', 'threadCpuUsage', 'memoryUsage', 'exit', 'kill'];

function patches(): Patch[] {
  const found: Patch[] = [
    { target: globalThis, key: 'Date', sealed: { configurable: true, writable: true, value: sealedDate() } },
    method(Math, 'random', 'Math.random'),
    method(performance, 'now', 'performance.now'),
    { target: globalThis, key: 'crypto', sealed: { configurable: true, get: () => trip('the crypto global') } },
    ...timers.map((name) => method(globalThis, name, name)),
    ...networkGlobals.map((name) => method(globalThis, name, name)),
    ...processLeaks.map((name) => method(process, name, `process.${name}`)),
  ];
  for (const module of outside) {
    const exports = require(module) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exports)) {
      if (typeof value === 'function') found.push(method(exports, name, `${module} ${name}`));
    }
  }
  const exports = require('node:crypto') as Record<string, unknown>;
  for (const name of cryptoLeaks) if (name in exports) found.push(method(exports, name, `node:crypto ${name}`));
  for (const name of cryptoEither) found.push(synchronous(exports, name, `node:crypto ${name}`));
  const { subtle } = exports.webcrypto as { readonly subtle: object };
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(subtle)))
    if (name !== 'constructor') found.push(method(subtle, name, `crypto.subtle.${name}`));
  return found;
}

let prepared: readonly Patch[] | undefined;

/** Seals until the returned function is called. Not to be nested. */
export function sealGlobals(tripped: Tripped): () => void {
  if (onTrip !== undefined) throw new Error('the globals are sealed already');
  prepared ??= patches();
  onTrip = tripped;
  const originals = prepared.map(({ target, key }) => Object.getOwnPropertyDescriptor(target, key));
  for (const { target, key, sealed } of prepared) Object.defineProperty(target, key, sealed);
  syncBuiltinESMExports();
  return () => {
    prepared!.forEach(({ target, key }, i) => {
      const original = originals[i];
      if (original === undefined) Reflect.deleteProperty(target, key);
      else Object.defineProperty(target, key, original);
    });
    syncBuiltinESMExports();
    onTrip = undefined;
  };
}
