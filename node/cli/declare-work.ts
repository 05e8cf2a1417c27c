// Law: what gives a mesh work, and what becomes of it, is declared here.
import { type Declare, finding } from './declare.ts';
import { collect, parseCount, parseDuration } from './parse.ts';

/** ask, run, judge, ps, show, cancel. */
export function declareWork({ add, withFolder, working, go }: Declare): void {
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
    add('judge <files...>', {
      summary: 'have files judged by members',
      description:
        'Have files judged: members say yes or no to a question about them, each by its own model or by rules.',
      examples: [
        [
          'judge summary.md --question "Does it name every section?" --judges 2 --families 2',
          'two members of two model families have to say yes',
        ],
        ['judge notes.md --question "Is it publishable?" --lacks TODO', 'checked without a model'],
      ],
      notes: `Members without a model judge by --contains and --lacks alone.\n${finding}`,
    }),
  )
    .requiredOption('-q, --question <text>', 'what is asked of the files; yes accepts them')
    .option('-c, --criterion <text>', 'what they have to meet besides; may be repeated', collect(String))
    .option('--contains <text>', 'a text that they have to contain; may be repeated', collect(String))
    .option('--lacks <text>', 'a text that they must not contain; may be repeated', collect(String))
    .option('-j, --judges <count>', 'how many members, besides who executes it, have to agree', parseCount(1, 64), 2)
    .option('--families <count>', 'of how many different model families', parseCount(1, 64), 1)
    .option('-y, --yes', 'run it without asking', false)
    .option('--dry-run', 'show the plan and run nothing', false)
    .option('--no-wait', 'return as soon as the mesh has taken the work')
    .option('-t, --timeout <time>', 'how long to wait for the result, for example 30s or 5m', parseDuration)
    .action((files: string[], options) =>
      go(async (session, given) => (await import('./commands/judge.ts')).judge(session, files, given), options),
    );

  withFolder(
    add('ps', {
      summary: 'list workflows',
      description: 'List the workflows this node knows, newest first.',
      examples: [
        ['ps', 'id, state, tasks, words of the latest 50'],
        ['ps --all', 'all of them'],
      ],
      notes: finding,
    }),
  )
    .option('-a, --all', 'also those before the latest 50', false)
    .action((options) =>
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
}
