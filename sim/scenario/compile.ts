// Law: a scenario and a seed are a case. Each entry of a scenario draws from a stream of its own, so that leaving one out moves no other.
import { createRandom, type Random } from '../../actors/system/index.ts';
import { type CaseNode, type Errand, firstFaultMs, type SimCase } from '../case.ts';
import { quickDisk } from '../disk/index.ts';
import { drawFaultPlan, type Fault, type FaultAction, faultyNodes, type Target, type When } from '../faults/index.ts';
import { calm, type LinkProfile, lan, linkName, type NetworkProfile, wan } from '../network/index.ts';
import type { NewcomerPlan } from '../newcomer.ts';
import type { WorkShape } from '../workload.ts';
import { type Chooser, chooser, liarsOf, machinesOf, refuse } from './machines.ts';
import { ScenarioInvalid } from './read.ts';
import type { Scenario, ScenarioFault } from './schema.ts';
import { drawMs, type Range } from './units.ts';

const faultsMax = 2_000;
const errandsMax = 5_000;

export function compile(scenario: Scenario, seed: number): SimCase {
  const { phases, disk, without, signatures } = scenario;
  const random = createRandom(seed).fork(`scenario/${scenario.name}`);
  const nodes = machinesOf(scenario);
  const liars = liarsOf(scenario, nodes, random);
  const whom = chooser(scenario, nodes, liars);
  const scripted = scenario.faults.flatMap((fault, i) =>
    faultsOf(fault, phases.faults, whom, random.fork(`fault/${i}`)),
  );
  const members = nodes.filter(({ role }) => role === undefined);
  const f = Math.floor((members.length - 1) / 3);
  // Who may be asked for work, and for a ticket.
  const gateways = chooser(scenario, members, liars);
  const drawn = drawFaultPlan(random.fork('drawn'), {
    nodes: nodes.length,
    // Who is drawn to forget comes on top of those who lie or forget already.
    f: Math.max(0, f - faultyNodes({ faults: scripted, liars }).size),
    fromMs: firstFaultMs,
    untilMs: phases.faults,
    kinds: scenario.draw,
  });
  const workload = errandsOf(scenario, members, gateways, random);
  const newcomers = newcomersOf(scenario, members, gateways, random);
  refuseBeyond(scenario, 'faults', scripted.length, faultsMax);
  refuseBeyond(scenario, 'errands', workload.length, errandsMax);
  return {
    seed,
    nodes,
    signatures,
    network: networkOf(scenario),
    disk: {
      ...quickDisk,
      ...(disk.sync === undefined ? {} : { syncUs: Math.round(disk.sync * 1_000) }),
      ...(disk.stalls === undefined ? {} : { stallPermille: disk.stalls * 1_000 }),
    },
    plan: { faults: [...scripted, ...drawn.faults], liars },
    workload,
    ...(newcomers.length === 0 ? {} : { newcomers }),
    faultsUntilMs: phases.faults,
    settleMs: phases.settle,
    heal: phases.heal,
    without,
  };
}

function refuseBeyond({ name }: Scenario, what: string, count: number, most: number): void {
  if (count > most)
    throw new ScenarioInvalid([
      `${name}: ${count} ${what}; a run takes at most ${most}. Make them rarer, or the run shorter`,
    ]);
}

/** The times of `at`, `every`, `until`. */
function timesOf(at: Range, every: number | undefined, untilMs: number, random: Random): number[] {
  const first = drawMs(random, at);
  if (every === undefined) return [first];
  if (at.least >= untilMs)
    throw new ScenarioInvalid([`every ${every} ms from ${at.least} ms, until ${untilMs} ms: that is never`]);
  const times: number[] = [];
  for (let atMs = first; atMs < untilMs && times.length < errandsMax; atMs += every) times.push(Math.round(atMs));
  return times;
}

function faultsOf(fault: ScenarioFault, faultsUntilMs: number, whom: Chooser, random: Random): Fault[] {
  const { when } = fault;
  const whens: When[] =
    'on' in when
      ? [{ on: when.on, nth: when.nth, every: when.every, times: when.times }]
      : timesOf(when.at, when.every, when.until ?? faultsUntilMs, random).map((atMs) => ({ atMs }));
  return whens.map((each, turn) => ({ when: each, ...actionOf(fault, whom, random.fork(`turn/${turn}`), turn) }));
}

function actionOf(fault: ScenarioFault, whom: Chooser, random: Random, turn: number): FaultAction {
  const forMs = 'for' in fault ? drawMs(random.fork('for'), fault.for) : 0;
  const one = (target: string | number): Target => whom.one(target, random.fork('target'), turn);
  const fixed = (target: string | number, label: string): number => {
    const found = whom.one(target, random.fork(label), turn);
    return found === 'self' ? 0 : found;
  };
  const permille = (share: number): number => Math.round(share * 1_000);
  if ('skill' in fault)
    return {
      kind: 'skill',
      node: one(fault.skill),
      hangPermille: permille(fault.hang),
      crashPermille: permille(fault.crash),
      slowFactor: fault.slower,
      forMs,
    };
  if ('crash' in fault)
    return {
      kind: 'crash',
      node: one(fault.crash),
      power: fault.power,
      how: fault.how,
      forMs,
      ...(fault.rot === undefined ? {} : { rotPermille: permille(fault.rot) }),
      ...(fault.misdirect === undefined ? {} : { misdirectPermille: permille(fault.misdirect) }),
    };
  if ('swap' in fault) {
    const ageMs = drawMs(random.fork('age'), fault.age);
    return { kind: 'swap', node: fault.swap, disk: fault.disk, ageMs, forMs };
  }
  if ('lost-sync' in fault)
    return { kind: 'lost-sync', node: fault['lost-sync'], ageMs: drawMs(random.fork('age'), fault.age), forMs };
  if ('stop' in fault) return { kind: 'stop', node: one(fault.stop), forMs };
  if ('pause' in fault) return { kind: 'pause', node: one(fault.pause), forMs };
  if ('isolate' in fault)
    return { kind: 'isolate', node: one(fault.isolate), direction: fault.direction, holds: fault.holds, forMs };
  if ('split' in fault) return { kind: 'split', group: whom.all(fault.split), holds: fault.holds, forMs };
  if ('cut' in fault)
    return { kind: 'cut', from: whom.all(fault.cut.from), to: whom.all(fault.cut.to), holds: fault.holds, forMs };
  if ('clog' in fault) return { kind: 'clog', from: whom.all(fault.clog.from), to: whom.all(fault.clog.to), forMs };
  if ('flap' in fault)
    return { kind: 'flap', a: fixed(fault.flap[0], 'a'), b: fixed(fault.flap[1], 'b'), times: fault.turns, forMs };
  if ('reset' in fault) return { kind: 'reset', a: fixed(fault.reset[0], 'a'), b: fixed(fault.reset[1], 'b') };
  if ('weather' in fault) {
    const { loss, duplicate, reorder, slower } = fault.weather;
    return {
      kind: 'weather',
      lossPermille: permille(loss),
      duplicatePermille: permille(duplicate),
      reorderPermille: permille(reorder),
      latencyFactor: slower,
      forMs,
    };
  }
  if ('clock' in fault)
    return {
      kind: 'clock',
      node: one(fault.clock),
      stepMs: drawMs(random.fork('step'), fault.step),
      driftPpm: Math.round(fault.drift * 1_000_000),
    };
  return {
    kind: 'disk',
    node: one(fault.disk),
    errorPermille: permille(fault.errors),
    slowFactor: fault.slower,
    forMs,
  };
}

function errandsOf(scenario: Scenario, nodes: readonly CaseNode[], whom: Chooser, random: Random): Errand[] {
  const errands: Errand[] = [];
  scenario.workload.forEach((entry, i) => {
    const own = random.fork(`work/${i}`);
    for (const [turn, atMs] of timesOf(entry.at, entry.every, entry.until ?? scenario.phases.faults, own).entries())
      for (let k = 0; k < entry.count; k++) {
        const each = own.fork(`errand/${turn}/${k}`);
        const chosen = whom.one(entry.to, each, turn * entry.count + k);
        const node = chosen === 'self' ? refuse(scenario, `workload[${i}].to: \`self\` has no meaning here`) : chosen;
        const other = nodes.length === 1 ? node : (node + 1 + each.below(nodes.length - 1)) % nodes.length;
        const shape: WorkShape | undefined =
          entry.work === 'any'
            ? undefined
            : {
                kind: entry.work,
                tasks: entry.tasks,
                takesLeastMs: Math.max(1, Math.round(entry.takes.least)),
                takesMostMs: Math.max(1, Math.round(entry.takes.most)),
                timeoutMs: Math.round(entry.timeout ?? Math.max(3_000, 4 * entry.takes.most)),
              };
        errands.push({
          id: errands.length,
          atMs,
          node,
          ...(shape === undefined ? {} : { shape }),
          ...(each.fork('again').chance(entry.again) ? { again: { atMs: atMs + each.below(2_000), node: other } } : {}),
          ...(each.fork('cancel').chance(entry.cancel) ? { cancel: { atMs: atMs + each.below(4_000), node } } : {}),
        });
      }
  });
  return errands;
}

const newcomersMax = 500;

function newcomersOf(scenario: Scenario, nodes: readonly CaseNode[], whom: Chooser, random: Random): NewcomerPlan[] {
  if (scenario.newcomers.length > 0 && scenario.phases.heal !== 'all')
    refuse(scenario, 'newcomers: who may be a member at the end cannot be cut off; say `phases: { heal: all }`');
  const found: NewcomerPlan[] = [];
  scenario.newcomers.forEach((entry, i) => {
    const own = random.fork(`newcomer/${i}`);
    if (entry.ticket === 'used' && (entry.count !== 1 || found.at(-1)?.ticket !== 'valid'))
      refuse(scenario, `newcomers[${i}]: \`ticket: used\` is that of the one before, which has a valid one; count: 1`);
    for (const [turn, atMs] of timesOf(entry.at, entry.every, entry.until ?? scenario.phases.faults, own).entries())
      for (let k = 0; k < entry.count; k++) {
        const each = own.fork(`each/${turn}/${k}`);
        const issuer = entry.ticket === 'used' ? found.at(-1)!.issuer : whom.one(entry.from, each, turn + k);
        if (issuer === 'self') refuse(scenario, `newcomers[${i}].from: \`self\` has no meaning here`);
        const site = entry.site ?? nodes[issuer]!.site;
        const role = entry.ticket === 'used' ? found.at(-1)!.role : entry.role;
        found.push({ atMs, issuer, role, ticket: entry.ticket, site });
      }
  });
  refuseBeyond(scenario, 'newcomers', found.length, newcomersMax);
  return found;
}

type Link = Omit<Scenario['network'], 'preset' | 'between' | 'notice'>;

function linkOf(base: LinkProfile, link: Link): LinkProfile {
  const { latency, jitter, loss, duplicate, reorder, bandwidth, shared } = link;
  return {
    ...base,
    ...(latency === undefined ? {} : { latencyUs: Math.round(latency * 1_000) }),
    ...(jitter === undefined ? {} : { jitterUs: Math.round(jitter * 1_000) }),
    ...(loss === undefined ? {} : { lossPermille: loss * 1_000 }),
    ...(duplicate === undefined ? {} : { duplicatePermille: duplicate * 1_000 }),
    ...(reorder === undefined ? {} : { reorderPermille: reorder * 1_000 }),
    ...(bandwidth === undefined ? {} : { bytesPerMs: bandwidth }),
    ...(shared === undefined ? {} : { sharedBytesPerMs: shared }),
  };
}

/** What is said of the network as a whole is of the links between sites where there are several, and of all links where there is one. */
function networkOf(scenario: Scenario): NetworkProfile {
  const { preset, between, notice, ...link } = scenario.network;
  const sites = typeof scenario.nodes === 'number' ? ['here'] : Object.keys(scenario.nodes);
  const base = preset === 'wan' ? wan : preset === 'lan' ? lan : undefined;
  const far = linkOf(base ?? wan, link);
  const near = sites.length > 1 ? lan : linkOf(base ?? lan, link);
  const named: Record<string, LinkProfile> = {};
  for (const [pair, own] of Object.entries(between)) {
    const [a, b] =
      sites.flatMap((x) => sites.filter((y) => `${x}-${y}` === pair).map((y) => [x, y] as const))[0] ??
      refuse(
        scenario,
        `network.between: '${pair}' names no two sites; write SITE-SITE with two of ${sites.join(', ')}`,
      );
    named[linkName(a, b)] = named[linkName(b, a)] = linkOf(far, own);
  }
  return {
    ...calm,
    near,
    far,
    ...(Object.keys(named).length === 0 ? {} : { between: named }),
    ...(notice === undefined
      ? {}
      : { noticeMinUs: Math.round(notice.least * 1_000), noticeMaxUs: Math.round(notice.most * 1_000) }),
  };
}
