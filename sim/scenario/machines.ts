// Law: who is who in a scenario: which machines there are, who of them lies, and whom a name means; a name that means nobody is refused.
import type { Random } from '../../actors/system/index.ts';
import type { CaseNode } from '../case.ts';
import { type FaultPlan, type Target, wordKits } from '../faults/index.ts';
import { ScenarioInvalid } from './read.ts';
import type { Scenario } from './schema.ts';

export function refuse({ name }: Scenario, text: string): never {
  throw new ScenarioInvalid([`${name}: ${text}`]);
}

/** Members, then workers, then observers; each in the order of the sites. */
export function machinesOf(scenario: Scenario): CaseNode[] {
  const { nodes, workers, observers } = scenario;
  const sites =
    typeof nodes === 'number'
      ? [{ site: 'here', nodes, workers: 0, observers: 0, slower: 1, startsAt: 0 }]
      : Object.entries(nodes).map(([site, about]) =>
          typeof about === 'number'
            ? { site, nodes: about, workers: 0, observers: 0, slower: 1, startsAt: 0 }
            : { site, ...about },
        );
  const machine = ({ site, slower, startsAt }: (typeof sites)[number], role?: CaseNode['role']): CaseNode => ({
    site,
    ...(role === undefined ? {} : { role }),
    ...(slower === 1 ? {} : { slowFactor: slower }),
    ...(startsAt === 0 ? {} : { startsAtMs: startsAt }),
  });
  const repeated = (count: number, node: CaseNode): CaseNode[] => Array.from({ length: count }, () => node);
  const inTurn = (count: number, role: CaseNode['role']): CaseNode[] =>
    Array.from({ length: count }, (_, i) => machine(sites[i % sites.length]!, role));
  const members = sites.flatMap((about) => repeated(about.nodes, machine(about)));
  if (members.length === 0)
    refuse(scenario, 'nodes: there is no member; a site has `nodes`, and `workers` and `observers` on top');
  for (const about of sites)
    if (about.nodes + about.workers + about.observers === 0) refuse(scenario, `nodes.${about.site}: nobody is there`);
  return [
    ...members,
    ...sites.flatMap((about) => repeated(about.workers, machine(about, 'worker'))),
    ...inTurn(workers, 'worker'),
    ...sites.flatMap((about) => repeated(about.observers, machine(about, 'observer'))),
    ...inTurn(observers, 'observer'),
  ];
}

export function liarsOf(scenario: Scenario, nodes: readonly CaseNode[], random: Random): FaultPlan['liars'] {
  const whom = chooser(scenario, nodes, []);
  const taken = new Set<number>();
  return scenario.liars.map(({ node, kits: chosen }, i) => {
    const own = random.fork(`liar/${i}`);
    let index = whom.one(node, own, i);
    if (index === 'self') refuse(scenario, `liars[${i}].node: \`self\` has no meaning here`);
    while (taken.has(index)) {
      if (typeof node === 'number' || taken.size >= nodes.length)
        refuse(scenario, `liars[${i}].node: ${node} is a liar already`);
      index = (index + 1) % nodes.length;
    }
    taken.add(index);
    const any = wordKits.filter(() => own.chance(0.35));
    return {
      node: index,
      kits: chosen !== 'any' ? chosen : any.length > 0 ? any : [wordKits[own.below(wordKits.length)]!],
    };
  });
}

export interface Chooser {
  /** `turn`: for `each`. */
  one(target: string | number, random: Random, turn: number): Target;
  all(targets: readonly (string | number)[]): number[];
}

export function chooser(scenario: Scenario, nodes: readonly CaseNode[], liars: FaultPlan['liars']): Chooser {
  const isLiar = (index: number): boolean => liars.some(({ node }) => node === index);
  const where = (holds: (node: CaseNode, index: number) => boolean): number[] =>
    nodes.flatMap((node, index) => (holds(node, index) ? [index] : []));
  const named = (target: string | number): number[] => {
    if (typeof target === 'number')
      return target < nodes.length
        ? [target]
        : refuse(scenario, `there is no node ${target}: nodes are 0 to ${nodes.length - 1}`);
    if (target === 'any') return where(() => true);
    if (target === 'liars') return where((_, index) => isLiar(index));
    if (target === 'honest') return where((_, index) => !isLiar(index));
    const kinds: Readonly<Record<string, CaseNode['role']>> = {
      members: undefined,
      workers: 'worker',
      observers: 'observer',
    };
    if (Object.hasOwn(kinds, target)) {
      const all = where(({ role }) => role === kinds[target]);
      return all.length > 0 ? all : refuse(scenario, `there are no ${target} here`);
    }
    const found = where(({ site }) => site === target);
    const sites = [...new Set(nodes.map(({ site }) => site))].join(', ');
    return found.length > 0
      ? found
      : refuse(
          scenario,
          `there is no site '${target}'; there are ${sites}; other targets are any, each, self, liars, honest, members, workers, observers`,
        );
  };
  return {
    one(target, random, turn) {
      if (target === 'self') return 'self';
      if (target === 'each') return turn % nodes.length;
      const found = named(target);
      return found[random.below(found.length)] ?? refuse(scenario, `nobody is of '${target}'`);
    },
    all: (targets) => [...new Set(targets.flatMap(named))].sort((a, b) => a - b),
  };
}
