// Law: where a run stands at an event is found by running it up to there again: nothing is remembered that could be wrong.
import type { SimCase } from '../case.ts';
import { type RunResult, runCase } from '../run.ts';
import type { Swarm } from '../swarm.ts';
import type { TraceEvent } from '../world/index.ts';

export interface Standing {
  readonly event: number;
  readonly atMs: number;
  readonly result: RunResult;
  readonly lines: readonly string[];
}

export async function describeAt(simCase: SimCase, untilEvent: number, tailEvents: number): Promise<Standing> {
  const tail: TraceEvent[] = [];
  let swarm: Swarm | undefined;
  const result = await runCase(simCase, {
    untilEvent,
    onEvent: (event) => {
      tail.push(event);
      if (tail.length > tailEvents) tail.shift();
    },
    watch: (watched) => {
      swarm = watched;
      return {};
    },
  });
  const nameOf = (node: number): string => (node < 0 ? 'world' : `node-${node}`);
  const lines = [
    `event ${result.events} at ${(result.virtualMs / 1_000).toFixed(6)} s${result.events < untilEvent ? ' (the run ended before the event asked for)' : ''}`,
    '',
    ...tail.map(
      ({ number, atUs, node, kind }) =>
        `  #${number}  ${(atUs / 1_000_000).toFixed(6)} s  ${nameOf(node).padEnd(8)}  ${kind}`,
    ),
    '',
    ...swarm!.nodes.flatMap((node) => {
      const { process, life, name, site } = node;
      const state = life === undefined ? 'down' : process === undefined ? 'starting' : 'up';
      const peers = process?.world.network.peers().length ?? 0;
      const head = `  ${name} (${site})  ${state}, life ${node.lives}, ${peers} peers`;
      const records = process?.composed.parts.board.all() ?? [];
      return [
        head,
        ...records.map(
          (record) => `      ${record.workflow.slice(0, 12)}  ${record.ended?.state ?? 'running'}  ${tasksOf(record)}`,
        ),
      ];
    }),
    ...result.violations.map(({ law, text }) => `  broken: ${law}: ${text}`),
  ];
  return { event: result.events, atMs: result.virtualMs, result, lines };
}

type WorkflowRecord = ReturnType<
  NonNullable<Swarm['nodes'][number]['process']>['composed']['parts']['board']['all']
>[number];

function tasksOf(record: WorkflowRecord): string {
  return [...record.tasks]
    .map(([task, { attempts }]) => {
      const last = [...attempts].at(-1);
      return last === undefined
        ? `${task} waits`
        : `${task}#${last[0]} ${last[1].certified?.decision.kind ?? `${last[1].candidates.size} candidates, ${last[1].attestations.size} attestations`}`;
    })
    .join('; ');
}
