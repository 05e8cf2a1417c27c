// Law: what looks into a mesh and changes nothing is declared here.
import { Option } from 'commander';
import { type Declare, finding } from './declare.ts';
import { parseDuration } from './parse.ts';

/** status, top. */
export function declareLooks({ add, withFolder, go }: Declare): void {
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
}

export function declareDoctor({ add, withFolder, go }: Declare): void {
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
}
