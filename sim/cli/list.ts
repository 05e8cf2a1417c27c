// Law: what ships is listed from what ships.
import { exitCodes, renderTable } from '../../node/cli/index.ts';
import { compile } from '../scenario/index.ts';
import { loadScenario, shippedScenarios } from '../scenarios.ts';
import { type Context, printJson } from './context.ts';

export async function list(context: Context): Promise<number> {
  const rows = shippedScenarios().map((name) => {
    const { scenario } = loadScenario(name);
    const { nodes, plan, workload } = compile(scenario, scenario.seeds[0]!);
    const { about, seeds } = scenario;
    return {
      name,
      nodes: nodes.length,
      liars: plan.liars.length,
      faults: plan.faults.length,
      errands: workload.length,
      seeds,
      about,
    };
  });
  if (context.json) printJson(context, rows);
  else
    context.terminal.out(
      renderTable(
        [
          { title: 'scenario' },
          { title: 'nodes', align: 'right' },
          { title: 'liars', align: 'right' },
          { title: 'faults', align: 'right' },
          { title: 'errands', align: 'right' },
          { title: 'about' },
        ],
        rows.map(({ name, nodes, liars, faults, errands, about }) => [
          name,
          String(nodes),
          String(liars),
          String(faults),
          String(errands),
          about,
        ]),
        { width: context.terminal.width, paint: context.terminal.paint },
      ),
    );
  return exitCodes.ok;
}
