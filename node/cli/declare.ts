// Law: each command is declared alike: its own page of help with examples and exit codes, one way to choose the output, and code that is
// imported when it runs, not when it is declared.
import { type Command, Option } from 'commander';
import { exitCodesHelp } from './failure.ts';
import { collect, parseDuration, parseListen } from './parse.ts';
import type { Session } from './session.ts';

/** Runs with the options of the command line; resolves to the exit code, 0 where it returns nothing. */
export type Run = (makeSession: (json: boolean, folder: string | undefined) => Session) => Promise<number | undefined>;

export interface Described {
  /** A few words for the list of commands. */
  readonly summary: string;
  readonly description: string;
  /** What follows the program's name, and what it is for. */
  readonly examples: readonly (readonly [command: string, why: string])[];
  readonly notes?: string;
}

/** Found without being named. */
export const devDefault = '.parley/dev';

/** Told by every command that talks to a running node. */
export const finding = `Which node: --folder F, else $PARLEY_FOLDER, else the nodes of ./.parley/dev that run, else ~/.parley. F is a node's folder,
or that of a mesh started by \`parley dev\`. When the node in use dies, the command goes on through another one.`;

/** What every declaration is made with. */
export interface Declare {
  readonly add: (usage: string, about: Described) => Command;
  readonly withFolder: (command: Command) => Command;
  /** Options of what gives the mesh work. */
  readonly working: (command: Command) => Command;
  /** Options of what runs a node. */
  readonly settings: (command: Command) => Command;
  /** Leaves the chosen command's work to whoever parses. */
  readonly go: <Options extends { output: string; folder?: string }>(
    run: (session: Session, options: Options) => Promise<number | undefined>,
    options: Options,
  ) => void;
}

/** Adds to `root`; `program` is how the examples call it. */
export function declaring(root: Command, program: string, start: (run: Run) => void): Declare {
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
      .option('--model <name>', 'the model it judges with, as its server calls it: needs --model-family')
      .option('--model-url <url>', "a server that speaks Ollama's protocol; http://127.0.0.1:11434 unless given")
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

  return { add, withFolder, working, settings, go };
}
