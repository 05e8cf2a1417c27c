import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sourceHash } from '../source-hash.ts';
import { checkScenario, compile, parseScenario, ScenarioInvalid } from './index.ts';

function problems(text: string): readonly string[] {
  try {
    parseScenario(text, 'mine.yaml');
    return [];
  } catch (error) {
    if (error instanceof ScenarioInvalid) return error.problems;
    throw error;
  }
}

describe('a scenario file', () => {
  it('says of every mistake the line, the column and the field, in the order of the file', () => {
    const text = `name: mine
nodes: { eu: 3, us: 0 }
wokload: []
workload:
  - { at: 2 seconds, work: chain }
faults:
  - { at: 3s, crash: any, for: 1s, loud: true }
  - { at: 3s, for: 1s }
  - { crash: 1 }
  - { on: lunch, isolate: self }
  - { at: 1s, weather: { loss: 1.5 } }
`;
    const found = problems(text);
    expect(found.map((line) => line.split(' ')[0])).toEqual(
      [
        'mine.yaml:2:21',
        'mine.yaml:3:1',
        'mine.yaml:5:11',
        'mine.yaml:7:36',
        'mine.yaml:8:5',
        'mine.yaml:9:5',
        'mine.yaml:10:11',
        'mine.yaml:11:32',
      ].map((place) => expect.stringContaining(place.split(':').slice(0, 2).join(':'))),
    );
    expect(found[1]).toContain('unknown field `wokload`');
    expect(found[2]).toContain('workload[0].at: expected a time such as 250ms, 3s or 1m');
    expect(found[3]).toContain('unknown field `loud`');
    expect(found[4]).toContain('expected one of crash, pause');
    expect(found[5]).toContain('expected when');
    expect(found[6]).toContain('faults[3].on');
    expect(found[7]).toContain('faults[4].weather.loss');
  });

  it('says where its YAML breaks off, and that a list is no scenario', () => {
    expect(problems('name: a\nfaults: [\n')[0]).toMatch(/^mine\.yaml:\d+:\d+ /);
    expect(problems('- 1\n')[0]).toContain('a scenario is a mapping');
    expect(problems('nodes: 4\n')[0]).toContain('name');
  });

  it('refuses what names nothing: a node that is not there, a site that is not, a pair of none', () => {
    const refused = (fields: object): string => {
      try {
        compile(checkScenario({ name: 'x', ...fields }), 1);
        return 'taken';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refused({ faults: [{ at: '1s', crash: 9 }] })).toContain('there is no node 9');
    expect(refused({ faults: [{ at: '1s', crash: 'mars' }] })).toContain("there is no site 'mars'");
    expect(refused({ nodes: { eu: 2, us: 2 }, network: { between: { 'eu-mars': { latency: '1ms' } } } })).toContain(
      'eu-mars',
    );
    expect(refused({ nodes: { eu: { workers: 2 } } })).toContain('there is no member');
    expect(refused({ nodes: { eu: 2, us: {} } })).toContain('nodes.us: nobody is there');
    expect(refused({ workers: -1 })).toContain('workers: ');
    expect(refused({ faults: [{ at: '1s', crash: 'observers' }] })).toContain('there are no observers here');
    expect(refused({ workers: 1, workload: [{ to: 4 }] })).toContain('there is no node 4');
    expect(refused({ newcomers: [{}] })).toContain('heal: all');
    const all = { phases: { heal: 'all' } };
    expect(refused({ ...all, newcomers: [{ ticket: 'used' }] })).toContain('newcomers[0]: `ticket: used` is that of');
    expect(refused({ ...all, newcomers: [{ ticket: 'lost' }] })).toContain('newcomers[0].ticket');
    expect(refused({ liars: [{ node: 1 }, { node: 1 }] })).toContain('a liar already');
    expect(refused({ workload: [{ at: '3s', every: '1s', until: '2s' }] })).toContain('that is never');
    expect(refused({ workload: [{ at: '3s', every: '0s' }] })).toContain('expected more than nothing');
    expect(refused({ phases: { faults: '25h' } })).toContain('expected at most 24h');
    expect(refused({ faults: [{ at: '1s', every: '1ms', until: '1h', crash: 1 }] })).toMatch(
      /faults; a run takes at most/,
    );
  });
});

it('the example in docs/simulator.md is one', () => {
  const text = readFileSync(fileURLToPath(new URL('../../docs/simulator.md', import.meta.url)), 'utf8');
  const [, example] = /```yaml\n([\s\S]*?)```/.exec(text)!;
  const { nodes, plan } = compile(parseScenario(example!, 'docs/simulator.md'), 1);
  expect(nodes).toHaveLength(5);
  expect(new Set(plan.faults.map(({ kind }) => kind)).has('cut')).toBe(true);
  expect(plan.liars).toEqual([{ node: 4, kits: ['equivocate', 'withhold'] }]);
});

describe('a scenario and a seed', () => {
  const scenario = checkScenario({
    name: 'mixed',
    nodes: { eu: 3, us: { nodes: 2, slower: 4, startsAt: '5s' } },
    network: { latency: '80ms', between: { 'eu-us': { latency: '35ms', shared: '1MB/s' } } },
    workload: [{ at: '1s..3s', count: 4, to: 'eu', work: 'fan' }],
    liars: [{ node: 'us', kits: ['garbage'] }],
    faults: [
      { at: '2s..9s', crash: 'any', for: '1s..5s' },
      { at: '3s', every: '2s', until: '10s', crash: 'each', for: '500ms' },
      { on: 'precommit', nth: 2, every: 3, times: 4, isolate: 'self', direction: 'out' },
    ],
  });

  it('are always the same case, and another seed another one', () => {
    expect(compile(scenario, 5)).toEqual(compile(scenario, 5));
    expect(JSON.stringify(compile(scenario, 6))).not.toBe(JSON.stringify(compile(scenario, 5)));
    const { nodes, plan, network, workload } = compile(scenario, 5);
    expect(nodes.map(({ site, slowFactor, startsAtMs }) => `${site} ${slowFactor} ${startsAtMs}`)).toEqual([
      ...Array.from({ length: 3 }, () => 'eu undefined undefined'),
      ...Array.from({ length: 2 }, () => 'us 4 5000'),
    ]);
    expect(plan.faults.slice(1, 5).map((fault) => 'node' in fault && fault.node)).toEqual([0, 1, 2, 3]);
    expect(plan.faults.at(-1)?.when).toEqual({ on: 'precommit', nth: 2, every: 3, times: 4 });
    expect(plan.liars.every(({ node }) => node >= 3)).toBe(true);
    expect(network.between?.['us>eu']).toMatchObject({ latencyUs: 35_000, sharedBytesPerMs: 1_000 });
    expect(network.far.latencyUs).toBe(80_000);
    expect(workload).toHaveLength(4);
    expect(new Set(workload.map(({ id }) => id)).size).toBe(4);
  });

  it('draw each entry from a stream of its own: leaving one out moves no other', () => {
    const all = compile(scenario, 5);
    const { faults, ...rest } = scenario;
    const fewer = compile({ ...rest, faults: faults.slice(0, 1) }, 5);
    expect(fewer.plan.faults[0]).toEqual(all.plan.faults[0]);
    expect(fewer.workload).toEqual(all.workload);
    expect(fewer.plan.liars).toEqual(all.plan.liars);
  });
});

it('a scenario has members, workers and observers, in this order, and newcomers with tickets', () => {
  const scenario = checkScenario({
    name: 'roles',
    nodes: { eu: { nodes: 3, workers: 1, observers: 1 }, us: { nodes: 1, startsAt: '2s' } },
    workers: 2,
    workload: [{ to: 'any', every: '100ms' }],
    newcomers: [
      { at: '5s', count: 2, role: 'worker', from: 3 },
      { at: '5s', ticket: 'used' },
    ],
    phases: { heal: 'all' },
  });
  const { nodes, workload, newcomers } = compile(scenario, 1);
  expect(nodes.map(({ site, role }) => `${site} ${role ?? 'member'}`)).toEqual([
    ...['eu member', 'eu member', 'eu member', 'us member'],
    ...['eu worker', 'eu worker', 'us worker', 'eu observer'],
  ]);
  expect(new Set(workload.map(({ node }) => node))).toEqual(new Set([0, 1, 2, 3]));
  expect(newcomers).toEqual([
    { atMs: 5_000, issuer: 3, role: 'worker', ticket: 'valid', site: 'us' },
    { atMs: 5_000, issuer: 3, role: 'worker', ticket: 'valid', site: 'us' },
    { atMs: 5_000, issuer: 3, role: 'worker', ticket: 'used', site: 'us' },
  ]);
});

it('a seed names the code it ran on', () => {
  expect(sourceHash()).toMatch(/^[0-9a-f]{8}$/);
});
