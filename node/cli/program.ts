// Law: everything that can be typed is declared here, and nothing else is loaded to say so: each command's code is imported when it runs.
import { Command, InvalidArgumentError, Option } from 'commander';
import { exitCodesHelp } from './failure.ts';
import type { Session } from './session.ts';

/** Runs with the options of the command line; resolves to the exit code, 0 where it returns nothing. */
export type Run = (makeSession: (json: boolean, folder: string | undefined) => Session) => Promise<number | undefined>;

/** Milliseconds from `90s`, `10m`, `1h`, `2d`; a bare number is seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  if (match === null) throw new InvalidArgumentError('expected a time such as 30s, 10m, 1h or 2d.');
  const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? 's']!;
  const ms = Math.round(Number(match[1]) * unitMs);
  if (ms < 1 || ms > 30 * 86_400_000) throw new InvalidArgumentError('expected more than nothing and at most 30 days.');
  return ms;
}

function parseCount(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

function parseListen(text: string): string {
  const port = /^(?:([0-9.]+):)?(\d{1,5})$/.exec(text);
  if (port !== null && Number(port[2]) <= 65_535) return `/ip4/${port[1] ?? '0.0.0.0'}/tcp/${port[2]}`;
  if (text.startsWith('/')) return text;
  throw new InvalidArgumentError('expected a port, ADDRESS:PORT, or a multiaddress such as /ip4/0.0.0.0/tcp/4101.');
}

function collect<T>(parse: (text: string) => T): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}

interface Described {
  /** A few words for the list of commands. */
  readonly summary: string;
  readonly description: string;
  /** What follows the program's name, and what it is for. */
  readonly examples: readonly (readonly [command: string, why: string])[];
  readonly notes?: string;
}

/** Found without being named. */
const devDefault = '.parley/dev';

const finding = `Which node: --folder F, else $PARLEY_FOLDER, else the nodes of ./.parley/dev that run, else ~/.parley. F is a node's folder,
or that of a mesh started by \`parley dev\`. When the node in use dies, the command goes on through another one.`;

/** `start` is given the chosen command's work; it must not run it before parsing is over. */
export function buildProgram(program: string, version: string, start: (run: Run) => void): Command {
  const root = new Command('parley');
  root
    .description('A mesh of equal peers that carries out work, checks it, and certifies the result.')
    .version(version, '-V, --version')
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      `\nStart here:\n  ${program} dev                 four nodes on this machine, an example, its certificate\n  ${program} <command> --help    options and examples\n\n${exitCodesHelp}`,
    );

  const add = (usage: string, about: Described): Command => {
    const command = root.command(usage).description(about.description).summary(about.summary);
    command.addOption(new Option('-o, --output <format>', 'what to print').choices(['table', 'json']).default('table'));
    const examples = about.examples.map(([line, why]) => `  ${program} ${line}\n      ${why}`).join('\n');
    const notes = about.notes === undefined ? '' : `\n${about.notes}\n`;
    command.addHelpText('after', `${notes}\nExamples:\n${examples}\n\n${exitCodesHelp}`);
    return command;
  };
  const withFolder = (command: Command): Command => command.option('-f, --folder <folder>', "the node's folder");
  const go = <Options extends { output: string; folder?: string }>(
    run: (session: Session, options: Options) => Promise<number | undefined>,
    options: Options,
  ): void =>
    start((makeSession) =>
      run(makeSession(options.output === 'json', options.folder === devDefault ? undefined : options.folder), options),
    );
  const working = (command: Command): Command =>
    withFolder(command)
      .option('-d, --data <file>', 'a file the work needs, or a folder of files; may be repeated', collect(String))
      .option('-y, --yes', 'run it without asking, also when it does more than read', false)
      .option('--dry-run', 'show the plan and run nothing', false)
      .option('--no-wait', 'return as soon as the mesh has taken the work')
      .option('-t, --timeout <time>', 'how long to wait for the result, for example 30s or 5m', parseDuration);
  const settings = (command: Command): Command =>
    withFolder(command)
      .option('--name <name>', "the node's name, unique in its mesh; a new node's default is this machine's name")
      .option('--site <site>', 'the place whose private data this node may hold', undefined)
      .option('--model-family <family>', 'whose models this node judges with; tasks may ask for several families')
      .option(
        '--listen <address>',
        'where peers reach it: PORT, ADDRESS:PORT or a multiaddress; may be repeated',
        collect(parseListen),
      )
      .option('--nats <url>', 'a NATS server to reach the mesh and its clients by; may be repeated', collect(String))
      .option('--nats-user <name>', 'how the node proves itself to it')
      .option('--nats-password-file <file>', 'holds the password')
      .option('--metrics <address>', 'serve Prometheus metrics: PORT on this machine alone, or ADDRESS:PORT')
      .option('--detach', 'return when the node is ready, and leave it running', false)
      .addOption(new Option('--exit-with-parent').hideHelp().default(false));

  const dev = add('dev [words]', {
    summary: 'a mesh on this machine, one question, its certificate',
    description: 'Start a mesh of real node processes on this machine, run one intent, show everything, and stop.',
    examples: [
      ['dev', 'four nodes, the example question, the certificate'],
      [
        'dev "total installed_size per section in packages.csv, top 5" --data ./packages.csv',
        'your own question, your own file',
      ],
      ['dev --keep', 'leave the mesh up, to be used from another terminal'],
      ['dev --chaos', 'kill one node in the middle of the work'],
      ['dev --example sites', 'three sites with private data, one answer'],
    ],
  });
  dev
    .option('-d, --data <file>', 'a file the work needs, or a folder of files; may be repeated', collect(String))
    .option('-n, --nodes <count>', 'how many nodes', parseCount(1, 16), 4)
    .option('--keep', 'stay up after the work, until Ctrl-C', false)
    .option('--chaos', 'kill one node in the middle of the work and start it again', false)
    .addOption(new Option('--example <name>', 'a ready-made question').choices(['packages', 'sites']))
    .option('-f, --folder <folder>', 'where the nodes live; nodes of an earlier run there are replaced', devDefault)
    .option('-y, --yes', 'run it without asking, also when it does more than read', false)
    .addOption(
      new Option('-t, --timeout <time>', 'how long to wait for the result')
        .argParser(parseDuration)
        .default(120_000, '2m'),
    )
    .action((words: string | undefined, options) =>
      go(async (session, given) => (await import('./commands/dev.ts')).dev(session, words, given), options),
    );

  settings(
    add('up', {
      summary: 'run a node',
      description: 'Run a node in the foreground. The first time, its identity and a mesh of its own are created.',
      examples: [
        ['up', 'a node in ~/.parley'],
        ['up --folder ./node-a --name amber --listen 4101', 'another folder, a fixed port'],
        ['up --detach', 'in the background; stop it with `down`'],
      ],
      notes:
        'Ctrl-C stops the node and ends with exit code 0. With -o json one line is printed when the node is ready.',
    }),
  )
    .option('--mesh-name <name>', 'name of the mesh that is created the first time')
    .option('--bootstrap <address>', 'multiaddress of a peer to dial at start; may be repeated', collect(String))
    .action((options) => go(async (session, given) => (await import('./commands/up.ts')).up(session, given), options));

  withFolder(
    add('invite', {
      summary: 'print a ticket for another node',
      description: 'Print a ticket with which one node can join this mesh.',
      examples: [
        ['invite', 'a member, within 10 minutes'],
        ['invite --role worker', 'a node that runs tasks and has no vote'],
        ['invite --role observer --valid 1h', 'a node that follows and has no part'],
      ],
      notes: `A ticket is a secret: it holds the mesh's pre-shared key. It works once.\n${finding}`,
    }),
  )
    .addOption(
      new Option('--valid <time>', 'how long the ticket is good').argParser(parseDuration).default(600_000, '10m'),
    )
    .addOption(
      new Option('--role <role>', 'what the new node will be')
        .choices(['member', 'worker', 'observer'])
        .default('member'),
    )
    .action((options) =>
      go(async (session, given) => (await import('./commands/invite.ts')).invite(session, given), options),
    );

  withFolder(
    add('member <list|remove|weight> [name] [weight]', {
      summary: 'who votes, and the members’ word on it',
      description:
        "Show the members, or say this member's word that one of them be removed or weigh otherwise. It is decided when members of quorum weight said the same.",
      examples: [
        ['member list', 'members, weights, and what is proposed'],
        ['member remove elm --folder ./node-a', 'said at one node; the others say the same at theirs'],
        ['member weight elm 2 --wait 1m', 'and wait until it is decided'],
        ['member remove elm --withdraw', 'take it back'],
      ],
      notes: `One member changes at a time. What was said lapses when the epoch ends. A removed member's certificates stay verifiable.\n${finding}`,
    }),
  )
    .option('--withdraw', 'take back what this member said of that one', false)
    .option('--wait <time>', 'wait until it is decided; exit code 124 if it is not by then', parseDuration)
    .action((what: string, name: string | undefined, weight: string | undefined, options) =>
      go(
        async (session, given) => (await import('./commands/member.ts')).member(session, what, name, weight, given),
        options,
      ),
    );

  settings(
    add('join <ticket>', {
      summary: 'bring a new node into a mesh',
      description: 'Make a new node in a folder of its own, bring it into the mesh of a ticket, and run it.',
      examples: [['join parley1… --folder ./node-e --name elm', 'TICKET is what `invite` printed']],
    }),
  ).action((ticket: string, options) =>
    go(async (session, given) => (await import('./commands/up.ts')).join(session, ticket, given), options),
  );

  withFolder(
    add('down', {
      summary: 'stop a node, or a dev mesh',
      description: 'Stop the node in a folder, or every node of a `dev` mesh.',
      examples: [
        ['down', 'the nodes of ./.parley/dev, or the node in ~/.parley'],
        ['down --folder ./node-a', 'one node'],
        ['down --folder ./node-a --leave', 'for good: it finishes its work, and the others go on without it'],
      ],
      notes: `A node that is stopped stays a member: the others wait for it where they need its vote. With --leave it is one no more.\n${finding}`,
    }),
  )
    .option('--leave', 'leave the mesh first', false)
    .addOption(
      new Option('--drain <time>', 'with --leave: how long work in hand may take')
        .argParser(parseDuration)
        .default(30_000, '30s'),
    )
    .action((options) =>
      go(async (session, given) => (await import('./commands/down.ts')).down(session, given), options),
    );

  withFolder(
    add('status', {
      summary: 'the mesh as a node sees it',
      description: 'Show the mesh as a node sees it: members, who is live, what it tolerates, what was refused.',
      examples: [
        ['status', 'a table'],
        ['status -o json', 'for programs'],
      ],
      notes: finding,
    }),
  ).action((options) =>
    go(async (session, given) => (await import('./commands/status.ts')).status(session, given), options),
  );

  withFolder(
    add('top', {
      summary: 'what the actors of a node are doing',
      description:
        "Show a node's actors as a live tree: messages per second, what waits in each mailbox, restarts, the last error.",
      examples: [
        ['top', 'refreshed every second, until Ctrl-C'],
        ['top --once --sort mailbox', 'one look, the fullest mailboxes first'],
        ['top --once -o json', 'for programs'],
      ],
      notes: finding,
    }),
  )
    .option('--once', 'show it once', false)
    .addOption(
      new Option('-i, --interval <time>', 'how long each look takes, at most 1m')
        .argParser(parseDuration)
        .default(1_000, '1s'),
    )
    .addOption(
      new Option('--sort <order>', 'what comes first').choices(['tree', 'rate', 'mailbox', 'restarts']).default('tree'),
    )
    .action((options) =>
      go(async (session, given) => (await import('./commands/top.ts')).top(session, given), options),
    );

  working(
    add('ask <words>', {
      summary: 'say what you want in words',
      description:
        'Say what you want in words. The plan is shown before it runs; what cannot be understood is not guessed.',
      examples: [
        ['ask "total installed_size per section in packages.csv, top 5" --data packages.csv', 'a table query'],
        ['ask "what stands out in auth.log" --data /var/log/auth.log --dry-run', 'only the plan'],
        [
          'ask "inspect the repository project and write it to project.md" --data ./project --yes',
          'a folder; it writes, so it needs a yes',
        ],
      ],
      notes: `Files in the working directory that the words name are used when --data is not given.\n${finding}`,
    }),
  ).action((words: string, options) =>
    go(async (session, given) => (await import('./commands/ask.ts')).ask(session, words, given), options),
  );

  working(
    add('run <plan>', {
      summary: 'carry out a plan file',
      description: 'Carry out a plan file (YAML or JSON).',
      examples: [
        ['run plan.yaml', 'paths in the plan are relative to the plan file'],
        ['run plan.yaml --data ./today.csv', 'a file of that name takes the place of one the plan names'],
      ],
      notes: `Mistakes are reported with line and column, and nothing is run.\n${finding}`,
    }),
  ).action((plan: string, options) =>
    go(async (session, given) => (await import('./commands/run.ts')).run(session, plan, given), options),
  );

  withFolder(
    add('ps', {
      summary: 'list workflows',
      description: 'List the workflows this node knows, newest first.',
      examples: [['ps', 'id, state, tasks, words']],
      notes: finding,
    }),
  ).action((options) =>
    go(async (session, given) => (await import('./commands/workflows.ts')).ps(session, given), options),
  );

  withFolder(
    add('show <workflow>', {
      summary: 'show one workflow',
      description: 'Show one workflow: its tasks, who ran and verified them, its result, what it cost.',
      examples: [
        ['show 3f9c2a81', 'the first digits of the id are enough'],
        ['show 3f9c2a81 --follow', 'also what happens from now on'],
      ],
      notes: finding,
    }),
  )
    .option('--follow', 'show its events until it ends', false)
    .option('-t, --timeout <time>', 'with --follow: how long to wait', parseDuration)
    .action((id: string, options) =>
      go(async (session, given) => (await import('./commands/workflows.ts')).show(session, id, given), options),
    );

  withFolder(
    add('cancel <workflow>', {
      summary: 'cancel a workflow',
      description: 'Cancel a workflow.',
      examples: [['cancel 3f9c2a81 --reason "wrong file"', 'its tasks are stopped']],
      notes: finding,
    }),
  )
    .option('--reason <text>', 'why, for the record')
    .action((id: string, options) =>
      go(async (session, given) => (await import('./commands/workflows.ts')).cancel(session, id, given), options),
    );

  add('verify <certificate>', {
    summary: 'check a certificate offline',
    description: 'Check a certificate offline, without a node, and say in words what it proves.',
    examples: [
      ['verify 3f9c2a81.certificate.json', 'the certificate alone'],
      ['verify 3f9c2a81.certificate.json --result 3f9c2a81.result.json', 'and that this is the result it is about'],
      ['verify 3f9c2a81.certificate.json --mesh 9b1c…', 'and that it is of this mesh'],
      ['verify evidence.json', 'what `audit evidence` wrote: whom it convicts'],
    ],
    notes: 'Exit code 1 when the file proves nothing, with the reason.',
  })
    .option('-r, --result <file>', 'the result that the certificate should be about')
    .option('-m, --mesh <id>', 'the id of the mesh it should be of (see `status`)')
    .option(
      '--epoch <number>',
      'the epoch the mesh is in now: a certificate of an earlier one must show that it is logged',
      parseCount(0, 0xffffffff),
    )
    .action((file: string, options) =>
      go(async (session, given) => (await import('./commands/verify.ts')).verify(session, file, given), options),
    );

  withFolder(
    add('audit', {
      summary: 'the log of everything the mesh decided',
      description: 'Read the log of everything the mesh decided, prove that something is in it, and check such proofs.',
      examples: [
        ['audit tail', 'what was decided, and the checkpoint that the members cosigned'],
        ['audit prove 3f9c2a81.certificate.json', 'a proof that its decisions are logged'],
        ['audit prove 3f9c2a81.certificate.json --embed', 'the same, inside the certificate'],
        ['audit evidence --save evidence.json', 'what convicts members; `verify` checks it'],
        ['audit verify 3f9c2a81.audit.json --certificate 3f9c2a81.certificate.json', 'offline, without a node'],
      ],
      notes: finding,
    })
      .argument('<what>', 'tail, prove, verify or evidence')
      .argument('[file]', 'for prove: a certificate; for verify: a proof'),
  )
    .option('--epoch <number>', 'with tail: of which epoch; default: the current one', parseCount(0, 0xffffffff))
    .option('--follow', 'with tail: go on until Ctrl-C', false)
    .option('-s, --save <file>', 'with prove or evidence: where to write it; default: beside the certificate')
    .option('--embed', 'with prove: put the proof into the certificate file', false)
    .option('-c, --certificate <file>', 'with verify: the certificate whose decisions must be logged')
    .option('-m, --mesh <id>', 'with verify: the id of the mesh it should be of (see `status`)')
    .option('--since <file>', 'with prove and verify: an earlier proof; the log must have only grown since')
    .action((what: string, file: string | undefined, options) =>
      go(async (session, given) => (await import('./commands/audit.ts')).audit(session, what, file, given), options),
    );

  withFolder(
    add('events', {
      summary: 'the event bus: publish, follow, see who is how far',
      description:
        'Publish events on a topic, follow one, alone or as a consumer of a group, and see how far groups are.',
      examples: [
        ['events publish orders \'{"order": 17}\' --key customer-4', 'kept by the mesh before it returns'],
        ['events tail orders', 'what comes from now on, until Ctrl-C'],
        ['events tail orders --from first', 'replay from the beginning, or from the position of an event'],
        ['events tail orders --group billing', 'a share of the events; acknowledged as they are printed'],
        ['events tail dead.billing.orders --from first', 'what the group billing could not handle, and why'],
        ['events groups', 'who holds what, and how far it is'],
      ],
      notes: `Events of one key stay in order; a group is given each at least once. Workflows are told on the topic \`workflows\`
where NATS clients may send intents.\n${finding}`,
    })
      .argument('<what>', 'publish, tail or groups')
      .argument('[topic]', 'lower-case words joined by dots')
      .argument('[data]', 'for publish: the event'),
  )
    .option('-k, --key <key>', 'with publish: events of one key are handled in order', '')
    .option('--id <id>', 'with publish: what a repeat is recognised by')
    .option('-g, --group <group>', 'with tail: consume as one of this group')
    .option('--from <position>', 'with tail: first, new, or a position; default: new, for a new group first')
    .option('-n, --count <number>', 'with tail: end after so many', parseCount(1, 1_000_000))
    .action((what: string, topic: string | undefined, data: string | undefined, options) =>
      go(
        async (session, given) => (await import('./commands/events.ts')).events(session, what, topic, data, given),
        options,
      ),
    );

  withFolder(
    add('doctor', {
      summary: 'say what is wrong and how to fix it',
      description: 'Say what is wrong, peer by peer, and how to fix it. Works without a running node too.',
      examples: [
        ['doctor', 'exit code 1 where something is wrong'],
        ['doctor --all', 'every check, also what is well'],
      ],
      notes: finding,
    }),
  )
    .option('-a, --all', 'show what is well, too', false)
    .action((options) =>
      go(async (session, given) => (await import('./commands/doctor.ts')).doctor(session, given), options),
    );

  root
    .command('sim')
    .summary('the simulator: a mesh in virtual time, with every fault')
    .description('Study a mesh in virtual time: see `sim --help`.')
    .argument('[arguments...]')
    .allowUnknownOption()
    .helpOption(false)
    .action((args: string[]) =>
      start(async (makeSession) => (await import('./commands/sim.ts')).sim(args, makeSession(false, undefined).signal)),
    );

  return root;
}
