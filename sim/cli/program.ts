// Law: everything that can be typed after `sim` is declared here, and each command's code is loaded when it runs.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { exitCodes, parseDuration } from '../../node/cli/index.ts';
import { type CalibratedPart, calibratedParts } from '../calibrate/index.ts';
import type { Context } from './context.ts';

export type RunCommand = (makeContext: (json: boolean) => Context) => Promise<number>;

export const exitCodesHelp = `Exit codes:
  0    ok: every run kept every law
  1    a law broke, an expectation was missed, or a planted bug survived
  2    usage: a wrong option, a scenario or case file that is none
  130  interrupted (Ctrl-C)`;

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
    return value;
  };
}

const seedOf = whole(0, Number.MAX_SAFE_INTEGER);
const collect = (text: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), text];

function collectPart(text: string, before: readonly CalibratedPart[] | undefined): readonly CalibratedPart[] {
  const part = calibratedParts.find((each) => each === text);
  if (part === undefined) throw new InvalidArgumentError(`expected one of ${calibratedParts.join(', ')}.`);
  return [...(before ?? []), part];
}

interface Described {
  /** It prints lines as it goes, and nothing for programs. */
  readonly isText?: true;
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly (readonly [command: string, why: string])[];
  readonly notes?: string;
}

const whichScenario = `SCENARIO is the name of one that ships (\`sim list\`), the path of a .yaml or .ts file, or \`swarm\`: a mesh whose work and faults are all
drawn from the seed.`;

/** Programs of their own, which take their arguments as they stand; there once their folder is. */
const parts: readonly (readonly [name: string, summary: string])[] = [
  ['history', 'is a recorded history linearizable?'],
  ['detect', 'herding, cascades, waves, regime changes: the detectors on systems that theory knows'],
  ['swarms', 'how work is shared out: the mesh’s own way beside others'],
];

export function buildSimProgram(program: string, start: (run: RunCommand) => void): Command {
  const root = new Command(program);
  root
    .description(
      'The swarm simulator: the node’s own code in virtual time, under every fault, repeatable from one seed.',
    )
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      `\nStart here:\n  ${program} list                             the scenarios that ship\n  ${program} run partition-and-heal --seed 7  one of them\n  ${program} fuzz --budget 1m                 seed after seed, until something breaks\n  ${program} report swarm --seed 7            a page about one run\n\n${exitCodesHelp}`,
    );
  const add = (usage: string, about: Described): Command => {
    const command = root.command(usage).description(about.description).summary(about.summary);
    if (about.isText === undefined)
      command.addOption(
        new Option('-o, --output <format>', 'what to print').choices(['table', 'json']).default('table'),
      );
    const examples = about.examples.map(([line, why]) => `  ${program} ${line}\n      ${why}`).join('\n');
    command.addHelpText(
      'after',
      `${about.notes === undefined ? '' : `\n${about.notes}\n`}\nExamples:\n${examples}\n\n${exitCodesHelp}`,
    );
    return command;
  };
  const go = <Options extends { output: string }>(
    options: Options,
    run: (context: Context, options: Options) => Promise<number>,
  ): void => start((makeContext) => run(makeContext(options.output === 'json'), options));
  const withNodes = (command: Command): Command =>
    command.option('-n, --nodes <count>', 'of `swarm`: how many nodes', whole(1, 100), 4);

  withNodes(
    add('run <scenario>', {
      summary: 'run one scenario from one seed',
      description: 'Run one scenario from one seed, check every law, and say in one line how it went.',
      examples: [
        ['run partition-during-commit --seed 42', 'a scenario that ships'],
        ['run ./mine.yaml --seed 1 -o json', 'one of yours, for a program'],
        ['run swarm --seed 7 --nodes 7', 'work and faults drawn from the seed'],
      ],
      notes: `${whichScenario}\nA run that fails saves its case under .parley/sim, for replay, shrink and report.`,
    }),
  )
    .option('-s, --seed <seed>', 'what everything is drawn from', seedOf, 1)
    .option('--save <file>', 'write the case there, failed or not')
    .option('--events <file>', 'write every event there, one JSON object a line')
    .action((scenario: string, options) =>
      go(options, async (context) => (await import('./run.ts')).run(context, scenario, options)),
    );

  withNodes(
    add('fuzz [scenarios...]', {
      summary: 'run seed after seed',
      description:
        'Run seed after seed of `swarm` or of the scenarios named, and print one line for each that breaks a law.',
      examples: [
        ['fuzz --budget 5m --jobs 2 --until-fail', 'until something breaks, five minutes at most'],
        ['fuzz all --seeds 20', 'kept regressions, then every scenario, twenty seeds each'],
        ['fuzz liar-third eclipse --from 100 --seeds 50', 'two scenarios, other seeds'],
      ],
      notes:
        'Each failure saves its case. States that no run reached are told at the end: what was never reached was never tested.',
    }),
  )
    .option('--from <seed>', 'the first seed', seedOf, 1)
    .option('--seeds <count>', 'how many seeds; default 200, or as many as the budget allows', whole(1, 1e9))
    .option('-b, --budget <time>', 'how long, for example 30s or 5m', parseDuration)
    .option('-j, --jobs <count>', 'threads', whole(1, 64), 1)
    .option('--until-fail', 'stop at the first failure', false)
    .addOption(
      new Option('--hang-after <time>', 'longest time for one case').argParser(parseDuration).default(120_000, '2m'),
    )
    .option('--out <folder>', 'where failing cases are saved; default .parley/sim')
    .action((scenarios: string[], options) =>
      go(options, async (context) =>
        (await import('./fuzz.ts')).fuzz(context, scenarios, {
          ...options,
          budgetMs: options.budget,
          hangMs: options.hangAfter,
        }),
      ),
    );

  add('replay <file>', {
    summary: 'run a saved case again',
    description: 'Run a saved case again, to its end or up to an event, to see how everything stands there.',
    examples: [
      ['replay .parley/sim/swarm-7-agreement.simcase.json', 'the whole run'],
      ['replay case.simcase.json --until-event 880', 'the last events before #880, and every node then'],
    ],
  })
    .option('--until-event <number>', 'stop there and show how things stand', whole(1, 1e12))
    .option('--events <file>', 'write every event there, one JSON object a line')
    .action((file: string, options) =>
      go(options, async (context) => (await import('./run.ts')).replay(context, file, options)),
    );

  add('shrink <file>', {
    summary: 'find the smallest case that breaks alike',
    description: 'Leave out faults, lies, work, nodes and time while the same law still breaks.',
    examples: [['shrink .parley/sim/swarm-7-agreement.simcase.json', 'says what is left, and saves it']],
  })
    .option('--out <file>', 'where the smaller case goes; default: .parley/sim/small-…')
    .option('--runs <count>', 'at most so many runs', whole(1, 100_000), 300)
    .action((file: string, options) =>
      go(options, async (context) => (await import('./study.ts')).shrink(context, file, options)),
    );

  withNodes(
    add('diff <one> <other>', {
      summary: 'the first event in which two runs differ',
      description:
        'Run two seeds, or two saved cases, and show the first event in which they differ. Exit code 0 where they are the same run.',
      examples: [
        ['diff 7 7', 'a seed against itself: the code is deterministic, or this says where not'],
        ['diff whole.simcase.json small.simcase.json', 'what a fault changed first'],
      ],
    }),
  )
    .option('--scenario <scenario>', 'what seeds are of', 'swarm')
    .action((one: string, other: string, options) =>
      go(options, async (context) => (await import('./study.ts')).diff(context, one, other, options)),
    );

  add('sweep [scenario]', {
    summary: 'a scenario over the values of a parameter',
    description: 'Run a scenario for each value of one or more of its fields, and print what changes.',
    examples: [
      ['sweep --param loss=0:0.3:0.05', 'a calm mesh on worse and worse links'],
      ['sweep quiet-day --param nodes=4,7,10 --param latency=1ms,50ms --seeds 3', 'every combination'],
    ],
    notes:
      'A parameter is the path of a field (network.loss, phases.faults, nodes) or a short name: loss, latency, jitter, duplicate, reorder, bandwidth.',
  })
    .requiredOption('-p, --param <path=values>', 'FROM:TO:STEP or A,B,C; may be repeated', collect)
    .option('--seeds <count>', 'runs for each setting', whole(1, 10_000), 2)
    .option('--from <seed>', 'the first seed', seedOf, 1)
    .action((scenario: string | undefined, options) =>
      go(options, async (context) => (await import('./study.ts')).sweep(context, scenario ?? 'quiet-day', options)),
    );

  add('mutants', {
    summary: 'does the simulator find planted bugs?',
    description:
      'Plant one bug after the other in a copy of this code and hunt each with seeds; a kill counts only where the clean code passes the same seed.',
    examples: [
      ['mutants --seeds 60', 'mutant, law, first seed, rate'],
      ['mutants --only quorum', 'those with a word in their name'],
    ],
    notes: 'Needs a clone: the package holds no sources.',
  })
    .option('--seeds <count>', 'seeds for each', whole(1, 1e6), 60)
    .option('--kills <count>', 'go on to the next after so many kills', whole(1, 1_000), 3)
    .option('--only <text>', 'those whose name holds this')
    .action((options) =>
      go(options, async (context) => (await import('../mutants/main.ts')).mutants(context, options)),
    );

  withNodes(
    add('report <what>', {
      summary: 'one self-contained page about a run',
      description:
        'Run a case once more, watched, and write one HTML page about it: no network needed to read it, then or later.',
      examples: [
        ['report .parley/sim/swarm-7-agreement.simcase.json', 'a failure: what led to it'],
        ['report rolling-restart --seed 3 --out restart.html', 'any run'],
        ['report swarm --seed 7 --shiviz run.log --events run.jsonl', 'for other tools, too'],
      ],
      notes: `WHAT is a case file, or a scenario with --seed. ${whichScenario}`,
    }),
  )
    .option('-s, --seed <seed>', 'what everything is drawn from', seedOf, 1)
    .option('--out <file>', 'default: NAME-SEED.html')
    .option('--shiviz <file>', 'write a log for ShiViz there')
    .option('--events <file>', 'write everything recorded there, one JSON object a line')
    .action((what: string, options) =>
      go(options, async (context) => (await import('./report.ts')).report(context, what, options)),
    );

  add('list', {
    summary: 'the scenarios that ship',
    description: 'List the scenarios that ship, and what each is about.',
    examples: [['list', 'name, nodes, seeds, about']],
  }).action((options) => go(options, async (context) => (await import('./list.ts')).list(context)));

  add('calibrate', {
    isText: true,
    summary: 'hold the simulator against published figures',
    description:
      'Measure what others published or proved about gossip, epidemics and failure detectors, and print both side by side.',
    examples: [
      ['calibrate --quick', 'seconds instead of minutes'],
      ['calibrate --only swim --only lifeguard', 'some parts'],
    ],
  })
    .option('--quick', 'fewer samples and smaller swarms', false)
    .addOption(new Option('--only <part>', `${calibratedParts.join(', ')}; may be repeated`).argParser(collectPart))
    .option('-s, --seed <seed>', 'what everything is drawn from', seedOf, 1)
    .action((options) =>
      start(async (makeContext) => {
        const { terminal } = makeContext(false);
        return await (await import('../calibrate/index.ts')).calibrate(options, (line) => terminal.out(line));
      }),
    );

  for (const [name, summary] of parts) {
    const here = import.meta.url;
    const path = fileURLToPath(new URL(`../${name}/main${here.endsWith('.ts') ? '.ts' : '.js'}`, here));
    if (!existsSync(path)) continue;
    root
      .command(name)
      .summary(summary)
      .description(summary)
      .argument('[arguments...]')
      .allowUnknownOption()
      .helpOption(false)
      .action((args: string[]) => start(() => runPart(path, args)));
  }
  return root;
}

/** On the same terminal; Ctrl-C reaches it by itself. */
function runPart(path: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [path, ...args], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? exitCodes.interrupted));
  });
}
