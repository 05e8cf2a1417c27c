// Law: a report says what happened, needs nothing from elsewhere, and is drawn by a browser without a word of complaint.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../run.ts';
import { runCase } from '../run.ts';
import { checkScenario, compile } from '../scenario/index.ts';
import {
  coneOf,
  createRecorder,
  type Moment,
  page,
  type Recording,
  shivizPattern,
  toJsonLines,
  toShiViz,
  vectorClocks,
} from './index.ts';

const scenario = checkScenario({
  name: 'drawn',
  about: 'A page <b>with</b> & "signs" in it.',
  nodes: { north: 2, south: 2 },
  liars: [{ node: 3, kits: ['withhold'] }],
  workload: [{ at: '1500ms', count: 2, to: 0, work: 'chain', tasks: 2 }],
  faults: [
    { at: '1s', crash: 1, for: '900ms' },
    { at: '2s', split: ['north'], for: '800ms' },
  ],
  phases: { faults: '4s' },
});
const simCase = compile(scenario, 2);
let recording: Recording;
let result: RunResult;
let html: string;

beforeAll(async () => {
  const recorder = createRecorder(() => 0);
  const plain = await runCase(simCase);
  result = await runCase(simCase, { onEvent: recorder.onEvent, watch: (swarm) => recorder.watch(swarm) });
  recording = recorder.finish();
  // Looking on changes nothing.
  expect(result.hash).toBe(plain.hash);
  const broken: RunResult = {
    ...result,
    verdict: 'violation',
    violations: [{ law: 'made-up', atMs: 2_500, event: 2_000, node: 0, text: '<script>alert(1)</script>' }],
  };
  html = page({
    name: 'drawn',
    about: scenario.about,
    simCase,
    result: broken,
    recording,
    command: 'parley sim run drawn',
    nodeVersion: '24',
  });
}, 240_000);

describe('a recording', () => {
  it('holds every life, fault and workflow with its times', () => {
    expect(recording.lives.map((spans) => spans.length)).toEqual([1, 2, 1, 1]);
    const faults = recording.faults.map(({ text, fromMs, untilMs }) => `${text} ${fromMs} ${Math.round(untilMs)}`);
    expect(faults).toEqual(['crash node-1 power 1000 1900', 'split {0,1} 2000 2800']);
    expect(recording.workflows.map(({ state, node }) => `${node} ${state}`)).toEqual(['0 completed', '0 completed']);
    for (const { askedAtMs, acceptedAtMs, endedAtMs } of recording.workflows) {
      expect(acceptedAtMs).toBeGreaterThan(askedAtMs);
      expect(endedAtMs).toBeGreaterThan(askedAtMs);
    }
    expect(recording.dropped).toBe(0);
  });

  it('receives nothing that was not sent before, at its other end', () => {
    const sent = new Map<number, Moment>();
    let received = 0;
    for (const moment of recording.moments) {
      if (moment.mark === 'send') sent.set(moment.frame!, moment);
      if (moment.mark !== 'receive' || !sent.has(moment.frame!)) continue;
      received++;
      const from = sent.get(moment.frame!)!;
      expect([from.node, from.peer]).toEqual([moment.peer, moment.node]);
      expect(moment.atMs).toBeGreaterThanOrEqual(from.atMs);
    }
    expect(received).toBeGreaterThan(500);
  });
});

describe('what caused what', () => {
  const moment = (number: number, node: number, mark: Moment['mark'], frame?: number): Moment => ({
    number,
    atMs: number,
    node,
    mark,
    text: '',
    event: number,
    ...(frame === undefined ? {} : { frame }),
  });
  // 0 tells 1, 1 tells 2; what 0 and 1 do afterwards, and what 3 does, 2 cannot know.
  const story = [
    moment(0, 0, 'entry'),
    moment(1, 3, 'entry'),
    moment(2, 0, 'send', 7),
    moment(3, 0, 'entry'),
    moment(4, 1, 'receive', 7),
    moment(5, 1, 'send', 8),
    moment(6, 1, 'entry'),
    moment(7, 2, 'receive', 8),
    moment(8, 2, 'ended'),
  ];

  it('is a node’s own past and that of whoever reached it, up to the sending, and nothing else', () => {
    expect(coneOf(story, 8, 100)).toEqual([0, 2, 4, 5, 7, 8]);
    expect(coneOf(story, 8, 3)).toEqual([5, 7, 8]);
    expect(coneOf(story, 1, 100)).toEqual([1]);
  });

  it('is the same by vector clocks', () => {
    const clocks = new Map([...vectorClocks(story, 4)].map(([at, clock]) => [at, [...clock]]));
    expect(clocks.get(8)).toEqual([2, 2, 2, 0]);
    expect(clocks.get(3)).toEqual([3, 0, 0, 0]);
    expect(clocks.get(6)).toEqual([2, 3, 0, 0]);
  });
});

describe('the exports', () => {
  it('are lines that ShiViz’s pattern reads, with a clock that only grows for its own host', () => {
    const lines = toShiViz(recording, 4).trimEnd().split('\n');
    const last = new Map<string, number>();
    for (const line of lines) {
      const found = new RegExp(`^${shivizPattern}$`).exec(line)?.groups as { host: string; clock: string };
      const clock = JSON.parse(found.clock) as Record<string, number>;
      expect(clock[found.host]).toBe((last.get(found.host) ?? 0) + 1);
      last.set(found.host, clock[found.host]!);
    }
    expect(last.size).toBe(4);
    expect(() => toShiViz(recording, 51)).toThrow(RangeError);
  });

  it('are JSON, one object a line', () => {
    const kinds = toJsonLines(recording)
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
    expect(new Set(kinds)).toEqual(new Set(['moment', 'fault', 'workflow']));
  });
});

describe('the page', () => {
  it('asks nothing of any other place and runs no script, whatever the run says', () => {
    expect(html).not.toMatch(/<script|<link|<img|@import|url\((?!#)|\bon[a-z]+=/i);
    expect(html).not.toMatch(/(?:src|href)="(?!#)/i);
    expect(html).not.toContain('alert(1)</');
    expect(html).toContain('&#60;script&#62;alert(1)');
    expect(html).toContain('&#60;b&#62;with&#60;/b&#62; &#38; &#34;signs&#34;');
  });

  it('shows each part, and names what broke', () => {
    for (const words of [
      '1 violation',
      'made-up',
      'What happened when',
      'Who spoke to whom',
      'How long clients waited',
      'Messages by type',
      'crash node-1 power',
      'split {0,1}',
      'node-3 (liar)',
      'prefers-color-scheme:dark',
    ])
      expect(html).toContain(words);
  });

  const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  );
  if (chromium === undefined) console.log('notice: no chromium here; the report is not drawn');
  it.skipIf(chromium === undefined)(
    'is drawn by a browser as it stands, nothing of it of no size',
    { timeout: 240_000 },
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'parley-report-'));
      try {
        const file = join(folder, 'report.html');
        writeFileSync(file, html);
        const { stdout, status } = spawnSync(
          chromium!,
          [
            '--headless',
            '--no-sandbox',
            '--disable-gpu',
            '--disable-background-networking',
            '--disable-dev-shm-usage',
            `--user-data-dir=${join(folder, 'profile')}`,
            '--dump-dom',
            pathToFileURL(file).href,
          ],
          { encoding: 'utf8', timeout: 200_000, maxBuffer: 64 << 20 },
        );
        expect(status).toBe(0);
        // The parser kept every drawing, with its marks in it, and mended nothing.
        expect(stdout.match(/<svg /g)?.length).toBe(html.match(/<svg /g)?.length);
        expect(stdout.match(/class="moment /g)?.length).toBeGreaterThan(20);
        expect(stdout.match(/<section/g)?.length).toBe(html.match(/<section/g)?.length);
        expect(stdout.includes('NaN')).toBe(false);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});
