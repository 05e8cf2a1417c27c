// Law: the simulator's own launcher: `node sim/main.ts …` is `parley sim …`.
import { runSimCommand } from './cli/main.ts';

process.exitCode = await runSimCommand(process.argv.slice(2));
