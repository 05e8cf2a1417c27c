// Law: a report is one file that says everything itself: no script from elsewhere, no font, no request, in light and in dark.
import { machinesOf, type SimCase } from '../case.ts';
import { quantile } from '../check/index.ts';
import type { RunResult } from '../run.ts';
import { sourceHash } from '../source-hash.ts';
import { cpuBars, latencies, messageBars } from './figures.ts';
import { compact, escaped, inSeconds, tag } from './markup.ts';
import type { Recording } from './record.ts';
import { spacetime } from './spacetime.ts';
import { styles } from './styles.ts';
import { timeline } from './timeline.ts';
import { topology } from './topology.ts';

export interface PageOptions {
  readonly name: string;
  readonly about: string;
  readonly simCase: SimCase;
  readonly result: RunResult;
  readonly recording: Recording;
  readonly nodeVersion: string;
  /** Shows the run again. */
  readonly command: string;
}

const violationsMax = 20;

export function page(options: PageOptions): string {
  const { name, about, simCase, result, recording, command } = options;
  const { violations, meters, workflows, virtualMs } = result;
  const isOk = result.verdict === 'ok';
  const liars = new Map(simCase.plan.liars.map(({ node, kits }) => [node, kits]));
  const nodes = machinesOf(simCase).map(({ name, site, member }) => ({
    name,
    site,
    isLiar: liars.has(member),
    lies: liars.get(member) ?? [],
  }));
  const cpuMs = recording.cpuMsByNode.reduce((sum, ms) => sum + ms, 0);
  const cards = [
    [
      'workflows',
      String(workflows.completed),
      `completed of ${workflows.accepted} accepted; ${workflows.failed} failed, ${workflows.cancelled} cancelled`,
    ],
    [
      'waiting',
      Number.isFinite(quantile(meters.completedMs, 0.5)) ? inSeconds(quantile(meters.completedMs, 0.5)) : '–',
      meters.completedMs.length === 0
        ? 'nothing completed'
        : `median; p99 ${inSeconds(quantile(meters.completedMs, 0.99))}`,
    ],
    [
      'decisions',
      String(meters.decisions),
      meters.decisions === 0 ? '' : `${Math.round((100 * meters.fastDecisions) / meters.decisions)} % by the fast path`,
    ],
    [
      'messages',
      compact(meters.messages),
      meters.decisions === 0
        ? `${compact(meters.bytes)}B`
        : `${compact(meters.messages / meters.decisions)} a decision, ${compact(meters.bytes)}B in all`,
    ],
    [
      'faults',
      String(recording.faults.length),
      `${counted(simCase.plan.liars.length, 'liar')} among ${counted(nodes.length, 'node')}`,
    ],
    ['run', inSeconds(virtualMs), `${compact(result.events)} events; nodes took ${inSeconds(cpuMs)} of a processor`],
  ] as const;
  // What is found out when all is over says nothing of when it went wrong: the last thing that anybody did for the work does.
  const first = violations.find(({ node }) => node >= 0) ?? violations[0];
  const lastStep = recording.moments.findLast(
    ({ mark, node }) => (mark === 'ended' || mark === 'entry') && nodes[node]?.isLiar === false,
  );
  const effect =
    first !== undefined && first.node >= 0
      ? { event: first.event, node: first.node }
      : { event: lastStep?.event ?? result.events, node: lastStep?.node ?? -1 };
  const leadsTo =
    first === undefined
      ? 'What led to the last step of the work'
      : first.node >= 0
        ? `What led to <b>${escaped(first.law)}</b> at ${inSeconds(first.atMs)}`
        : `What led to the last step of the work before <b>${escaped(first.law)}</b> was found broken`;
  const section = (title: string, text: string, inside: string, kind = ''): string =>
    tag('section', { class: kind }, [
      `<h2>${title}</h2>`,
      text === '' ? '' : tag('p', { class: 'faint' }, text),
      inside,
    ]);
  const body = [
    tag('header', {}, [
      tag(
        'div',
        { class: `verdict ${isOk ? 'ok' : 'fail'}` },
        isOk ? 'every law held' : counted(violations.length, 'violation'),
      ),
      tag('h1', {}, `${escaped(name)} <span class="faint">seed ${simCase.seed}</span>`),
      about === '' ? '' : tag('p', { class: 'about' }, escaped(about)),
      tag(
        'p',
        { class: 'again' },
        `<code>${escaped(command)}</code> <span class="faint">code ${sourceHash()} · Node ${escaped(options.nodeVersion)} · hash ${escaped(result.hash)}</span>`,
      ),
    ]),
    ...(isOk ? [] : [section('What broke', '', violationList(result), 'wide broken')]),
    tag(
      'div',
      { class: 'cards' },
      cards.map(([title, value, note]) =>
        tag('div', { class: 'card' }, [
          tag('span', { class: 'faint' }, escaped(title)),
          tag('strong', {}, escaped(value)),
          tag('small', {}, escaped(note)),
        ]),
      ),
    ),
    section(
      'What happened when',
      'Faults above, nodes in the middle (a bar is a life of the process), work below: from asking to the end, with a stroke where an attempt was decided. In the shaded part no fault begins and a quorum is whole.',
      timeline({ recording, violations, names: nodes, healedAtMs: simCase.faultsUntilMs, untilMs: virtualMs }),
      'wide',
    ),
    section(
      leadsTo,
      'Each line is a node, each arrow a message; only what could have caused the marked moment is here, in order, the latest first to the right. Gossip about who is up and log frontiers are left out. Rest on anything to read it.',
      spacetime({ recording, ...effect, names: nodes }),
      'wide',
    ),
    section('Who spoke to whom', 'Frames between each two nodes.', topology(nodes, recording)),
    section(
      'How long clients waited',
      'From asking to the end, of the workflows that completed.',
      latencies(meters.completedMs),
    ),
    section(
      'Messages by type',
      'As handed to the network, once for each receiver.',
      messageBars(meters.byType, meters.decisions),
    ),
    section(
      'Processor time by kind of event',
      'Measured on this machine while recording: the one thing on this page that differs from run to run.',
      cpuBars(recording.cpuMsByKind),
    ),
    section(
      'The case',
      'The whole run as data; save it as a .simcase.json to replay or shrink it.',
      `<details><summary>${counted(simCase.plan.faults.length, 'planned fault')}, ${counted(simCase.workload.length, 'errand')}</summary><pre>${escaped(JSON.stringify(simCase, undefined, 1))}</pre></details>`,
      'wide',
    ),
    ...(recording.dropped > 0
      ? [`<p class="faint">${compact(recording.dropped)} earlier moments were not kept.</p>`]
      : []),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${isOk ? 'ok' : 'FAIL'} ${escaped(name)} seed ${simCase.seed}</title>
<style>${styles}</style>
</head>
<body><main>${body.join('\n')}</main></body>
</html>
`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function violationList({ violations }: RunResult): string {
  const shown = violations.slice(0, violationsMax);
  const rows = shown.map(({ law, atMs, event, text }) =>
    tag('li', {}, [
      tag('b', {}, escaped(law)),
      ` ${escaped(text)} `,
      tag('span', { class: 'faint' }, `${inSeconds(atMs)}, event ${event}`),
    ]),
  );
  const more = violations.length - shown.length;
  return tag('ul', { class: 'violations' }, [
    ...rows,
    ...(more > 0 ? [`<li class="faint">and ${more} more</li>`] : []),
  ]);
}
