// Law: what starts nodes, lets them in and out of a mesh, and stops them is declared here.
import { Option } from 'commander';
import { type Declare, devDefault, finding } from './declare.ts';
import { collect, parseCount, parseDuration } from './parse.ts';

/** dev, up, invite, member, join, down. */
export function declareNodes({ add, withFolder, settings, go }: Declare): void {
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
}
