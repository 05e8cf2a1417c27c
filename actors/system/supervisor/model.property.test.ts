import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Restart } from './spec.ts';
import { scenarios } from './testing/arbitrary-scenario.ts';
import { type Operation, replay, type Scenario } from './testing/otp-scenario.ts';

type NaiveRun = 'up' | 'down' | 'restarting';
interface NaiveChild {
  readonly id: string;
  readonly restart: Restart;
  readonly significant: boolean;
  run: NaiveRun;
}

/**
 * The same laws written the naive way: one array, recursion where OTP sends itself a message, no waiting, no effects. It knows only
 * worlds in which starts and stops take no time and the period never expires.
 */
class NaiveSupervisor {
  readonly trace: string[] = [];
  private list: NaiveChild[];
  private readonly scenario: Scenario;
  private restartsLeft: number;
  private readonly failing = new Map<string, number>();
  private readonly ignoring = new Set<string>();
  private events: string[] = [];
  private dead = false;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.restartsLeft = scenario.intensity;
    this.list = scenario.children.map((child) => ({ ...child, run: 'down' }));
    if (this.list.some((child) => this.isRefused(child))) {
      this.trace.push('bad_spec');
      return;
    }
    this.startMany(this.list);
    this.trace.push(...this.events);
    for (const operation of scenario.ops) {
      if (this.dead) break;
      this.events = [];
      const answer = this.perform(operation);
      const shown = [...this.list].reverse().map(({ id, run }) => `${id}=${run}`);
      this.trace.push(answer, ...this.events, this.dead ? 'dead' : `[${shown.join(',')}]`);
    }
    this.events = [];
    this.stopMany(this.list);
    this.trace.push(...this.events, 'sup:shutdown');
  }

  /** What never ends by itself, or whose end nobody heeds, cannot be significant. */
  private isRefused({ significant, restart }: Pick<NaiveChild, 'significant' | 'restart'>): boolean {
    return significant && (restart === 'permanent' || this.scenario.autoShutdown === 'never');
  }

  private perform(operation: Operation): string {
    const child = this.list.find(({ id }) => id === operation.id);
    switch (operation.k) {
      case 'fail':
        this.failing.set(operation.id, operation.n);
        return 'ok';
      case 'ignore':
        this.ignoring.add(operation.id);
        return 'ok';
      case 'start': {
        if (this.isRefused({ significant: operation.sig, restart: operation.restart })) return 'bad_combination';
        if (child !== undefined) return child.run === 'up' ? 'already_started' : 'already_present';
        const fresh: NaiveChild = {
          id: operation.id,
          restart: operation.restart,
          significant: operation.sig,
          run: 'down',
        };
        this.list.push(fresh);
        const failed = this.startMany([fresh]);
        if (failed !== undefined) this.list = this.list.filter((other) => other !== fresh);
        return failed === undefined ? 'ok' : 'error_scripted';
      }
      case 'terminate':
        if (child === undefined) return 'not_found';
        this.stopMany([child]);
        return 'ok';
      case 'restart':
        if (child === undefined) return 'not_found';
        if (child.run !== 'down') return child.run === 'up' ? 'running' : 'restarting';
        return this.startMany([child]) === undefined ? 'ok' : 'error_scripted';
      case 'delete':
        if (child === undefined) return 'not_found';
        if (child.run !== 'down') return child.run === 'up' ? 'running' : 'restarting';
        this.list = this.list.filter((other) => other !== child);
        return 'ok';
      case 'die':
        if (child?.run !== 'up') return 'nochild';
        this.died(child, operation.r === 'boom' || operation.r === 'kill');
        return 'ok';
    }
  }

  private died(child: NaiveChild, wasAbnormal: boolean): void {
    child.run = 'restarting';
    if (child.restart === 'permanent' || (child.restart === 'transient' && wasAbnormal)) {
      this.restart(child);
      return;
    }
    child.run = 'down';
    if (child.restart === 'temporary') this.list = this.list.filter((other) => other !== child);
    const { autoShutdown } = this.scenario;
    const othersLeft = this.list.some((other) => other.significant && other.run !== 'down');
    if (
      child.significant &&
      (autoShutdown === 'any_significant' || (autoShutdown === 'all_significant' && !othersLeft))
    )
      this.die();
  }

  private restart(child: NaiveChild): void {
    if (this.restartsLeft-- === 0) {
      child.run = 'down';
      this.die();
      return;
    }
    const at = this.list.indexOf(child);
    const from = { one_for_one: at, rest_for_one: at, one_for_all: 0 }[this.scenario.strategy];
    const to = this.scenario.strategy === 'one_for_one' ? at + 1 : this.list.length;
    const group = this.list.slice(from, to);
    this.stopMany(group);
    const failed = this.startMany(group.filter((member) => this.list.includes(member)));
    if (failed !== undefined) this.restart(failed);
  }

  private die(): void {
    this.dead = true;
    this.stopMany(this.list);
  }

  private startMany(children: readonly NaiveChild[]): NaiveChild | undefined {
    for (const child of [...children]) {
      const failures = this.failing.get(child.id) ?? 0;
      if (failures > 0) {
        this.failing.set(child.id, failures - 1);
        this.events.push(`fail:${child.id}`);
        return child;
      }
      const ignored = this.ignoring.has(child.id);
      this.events.push(`${ignored ? 'ignore' : 'start'}:${child.id}`);
      child.run = ignored ? 'down' : 'up';
      if (ignored && child.restart === 'temporary') this.list = this.list.filter((other) => other !== child);
    }
    return undefined;
  }

  private stopMany(children: readonly NaiveChild[]): void {
    for (const child of [...children].reverse()) {
      if (child.run === 'up') this.events.push(`stop:${child.id}:shutdown`);
      child.run = 'down';
      if (child.restart === 'temporary') this.list = this.list.filter((other) => other !== child);
    }
  }
}

test('the model agrees with a naive supervisor on any scenario of starts, ends, failures and requests', () => {
  fc.assert(
    fc.property(scenarios(), (scenario) => {
      expect(replay(scenario)).toEqual(new NaiveSupervisor(scenario).trace);
    }),
    { numRuns: 2000 },
  );
});
