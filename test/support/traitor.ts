// Law: a traitor is a real node with one organ replaced. It is started as any other process, prints the same line when it is ready, ends
// with its parent, and lies in exactly one way.
import { request } from 'node:http';
import type { Sandbox, SkillOutcome } from '../../actors/system/index.ts';
import type { WorkflowDetail, WorkflowSummary } from '../../node/client/index.ts';
import { openHome } from '../../node/home/index.ts';
import { type NodeOptions, startNode } from '../../node/index.ts';
import { networkBehaviours } from './traitor-network.ts';

/**
 * `wrong-result` computes something else; `wrong-attestation` does so only where it verifies; `equivocate` votes both ways;
 * `wrong-vote` votes nil and proposes nonsense; `silent` is connected and answers nothing; `garbage` sends random bytes;
 * `bad-blobs` hands out other payloads than asked for; `forge` signs in others' names; `record` is honest and writes down what it says.
 */
export type Behaviour =
  | 'wrong-result'
  | 'wrong-attestation'
  | 'equivocate'
  | 'wrong-vote'
  | 'silent'
  | 'garbage'
  | 'bad-blobs'
  | 'forge'
  | 'record';

/** The same canonical JSON with its first number one higher: well formed, plausible, wrong. */
export function falsified(output: Uint8Array): Uint8Array {
  const text = Buffer.from(output).toString('utf8');
  let changed = text.replace(
    /("rows":\[\[[^\]]*?)(\d+)(\]|,)/,
    (_, before: string, digits: string, after: string) => `${before}${BigInt(digits) + 1n}${after}`,
  );
  if (changed === text) changed = text.replace(/\d+/, (digits) => `${BigInt(digits) + 1n}`);
  return new TextEncoder().encode(changed === text ? '{}' : changed);
}

function lyingSandbox(sandbox: Sandbox, isLie: (workflow: string) => Promise<boolean>): Sandbox {
  return {
    ...sandbox,
    async run(call, options): Promise<SkillOutcome> {
      const outcome = await sandbox.run(call, options);
      if (outcome.kind !== 'result' || !(await isLie(call.workflow))) return outcome;
      return { ...outcome, output: falsified(outcome.output) };
    },
  };
}

/** Asks this very node, over its own socket, whether it verifies a task of the workflow that is not decided yet. */
async function verifies(folder: string, workflow: string): Promise<boolean> {
  const home = openHome(folder);
  const detail = await get<WorkflowDetail & WorkflowSummary>(home.socketPath, `/v1/workflows/${workflow}`);
  const { name } = home.node();
  return detail.taskDetails.some(({ state, verifiers }) => state === 'running' && verifiers.includes(name));
}

function get<T>(socketPath: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, headers: { host: 'parley' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as T));
    });
    asked.once('error', reject);
    asked.end();
  });
}

function wrapOf(folder: string, behaviour: Behaviour): NonNullable<NodeOptions['wrap']> {
  if (behaviour === 'wrong-result') return { sandbox: (sandbox) => lyingSandbox(sandbox, async () => true) };
  if (behaviour === 'wrong-attestation')
    return { sandbox: (sandbox) => lyingSandbox(sandbox, (workflow) => verifies(folder, workflow)) };
  return { network: (network) => networkBehaviours[behaviour](network, folder) };
}

if (import.meta.main) {
  const [folder, behaviour] = process.argv.slice(2) as [string, Behaviour];
  const node = await startNode({ folder, wrap: wrapOf(folder, behaviour) });
  const { name, nodeId, meshId, addresses, socket } = node;
  console.log(JSON.stringify({ name, id: nodeId, mesh: meshId, addresses, socket, pid: process.pid }));
  const stop = (): void => void node.stop();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
  process.stdin.once('end', stop).once('close', stop).resume();
  await node.ended;
  process.exit(0);
}
