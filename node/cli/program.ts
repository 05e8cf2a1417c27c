// Law: everything that can be typed is declared, from here on, and nothing else is loaded to say so: each command's code is imported when it runs.
import { Command } from 'commander';
import { declaring, type Run } from './declare.ts';
import { declareDoctor, declareLooks } from './declare-looks.ts';
import { declareNodes } from './declare-nodes.ts';
import { declareRecords } from './declare-records.ts';
import { declareWork } from './declare-work.ts';
import { exitCodesHelp } from './failure.ts';

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

  // In the order of the list of commands.
  const declare = declaring(root, program, start);
  declareNodes(declare);
  declareLooks(declare);
  declareWork(declare);
  declareRecords(declare);
  declareDoctor(declare);
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
