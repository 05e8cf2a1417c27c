// Law: a killed node is known dead to every other within 5 s at p99, by default settings; a node that only stands still, on a machine and
// a network that are in trouble, is not declared dead; and no verdict of this kind ever changes a quorum. Real processes, real signals.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type NodeSpec, pause, TestMesh } from '../support/mesh.ts';
import { natsServerBinary, startNatsServer } from '../support/nats.ts';
import { lossRules, type Namespace, Networks, namespacesMissing } from '../support/netns.ts';

export interface SoakOptions {
  readonly minutes: number;
  /** Of the membership run; all of it where undefined. */
  readonly part?: 'kills' | 'pauses' | undefined;
  readonly say: (line: string) => void;
}

const names = ['amber', 'birch', 'cedar', 'dahlia', 'elm'];
const pauseMs = 2_000;
const lossPercent = 10;
const detectionMaxMs = 5_000;

interface Verdict {
  readonly observer: string;
  readonly subject: string;
  readonly atMs: number;
}

/** Every verdict in the logs, by the wall clock of this machine. */
function verdicts(mesh: TestMesh): Verdict[] {
  return mesh.names.flatMap((observer) => {
    const file = join(mesh.folder(observer), 'node.log');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"member believed dead"'))
      .map((line) => JSON.parse(line) as { time: string; name: string; leaving: boolean })
      .filter(({ leaving }) => !leaving)
      .map(({ time, name }) => ({ observer, subject: name, atMs: Date.parse(time) }));
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Resolves with whether all held. */
export async function membershipSoak({ minutes, part, say }: SoakOptions): Promise<boolean> {
  const networks = namespacesMissing === undefined ? new Networks() : undefined;
  const space = networks?.add('soak');
  const inside = space === undefined ? {} : { inside: space.inside };
  let mesh: TestMesh | undefined;
  const server = natsServerBinary === undefined ? undefined : await startNatsServer(inside);
  try {
    const nats = server === undefined ? {} : { nats: { servers: [server.url], intents: false } };
    mesh = await TestMesh.start(names.map((name): NodeSpec => ({ name, ...inside, ...nats })));
    say(`5 nodes over libp2p${server === undefined ? '' : ' and NATS'}, ${minutes} min`);
    const killed = part === 'pauses' || (await repeatedKills(mesh, Math.max(5, Math.round(minutes * 2)), say));
    const steady = part === 'kills' || (await disturbed(mesh, { minutes, space, say }));
    return killed && steady;
  } finally {
    await mesh?.end();
    await server?.end();
    networks?.end();
  }
}

async function repeatedKills(mesh: TestMesh, count: number, say: (line: string) => void): Promise<boolean> {
  const times: number[] = [];
  let isWhole = true;
  const before = (await mesh.status(names[0]!)).mesh;
  for (let i = 0; i < count; i++) {
    // Long enough for every life to have been heard of by all.
    await pause(3_000);
    const victim = names[i % names.length]!;
    const others = names.filter((name) => name !== victim);
    const killedAtMs = Date.now();
    await mesh.kill(victim);
    const found = await eventually(
      `all to believe ${victim} dead`,
      () => {
        const of = verdicts(mesh).filter(({ subject, atMs }) => subject === victim && atMs >= killedAtMs);
        return others.every((name) => of.some(({ observer }) => observer === name)) ? of : undefined;
      },
      30_000,
    );
    times.push(...others.map((name) => found.find(({ observer }) => observer === name)!.atMs - killedAtMs));
    const { mesh: now } = await mesh.status(others[0]!);
    if (now.members !== before.members || now.quorum !== before.quorum || now.epoch !== before.epoch) {
      say(`FAILED: the verdict about ${victim} changed the quorum: ${JSON.stringify([before, now])}`);
      isWhole = false;
    }
    await mesh.restart(victim);
  }
  const p99 = quantile(times, 0.99);
  say(
    `${count} kills, ${times.length} verdicts: p50 ${quantile(times, 0.5)} ms, p99 ${p99} ms, max ${Math.max(...times)} ms (limit ${detectionMaxMs} ms); members ${before.members}, quorum ${before.quorum}, epoch ${before.epoch} throughout`,
  );
  if (p99 >= detectionMaxMs) say('FAILED: a killed node is known dead too late');
  return isWhole && p99 < detectionMaxMs;
}

async function disturbed(
  mesh: TestMesh,
  options: { readonly minutes: number; readonly space: Namespace | undefined; readonly say: (line: string) => void },
): Promise<boolean> {
  const { space, say } = options;
  await mesh.formed();
  if (space === undefined) say('notice: no network namespace here: nothing is lost on the wire in this run');
  else space.rules(lossRules('lo', lossPercent));
  const burner = spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' });
  const startMs = Date.now();
  const endMs = startMs + options.minutes * 60_000;
  let pauses = 0;
  let toldAtMs = startMs;
  try {
    while (Date.now() < endMs) {
      const victim = mesh.process(names[Math.floor(Math.random() * names.length)]!);
      victim.freeze();
      await pause(pauseMs);
      victim.thaw();
      pauses++;
      await pause(500 + Math.random() * 3_000);
      if (Date.now() - toldAtMs > 60_000) {
        toldAtMs = Date.now();
        const dead = verdicts(mesh).filter(({ atMs }) => atMs >= startMs).length;
        say(`${Math.round((toldAtMs - startMs) / 60_000)} min: ${pauses} pauses, ${dead} false deaths`);
      }
    }
  } finally {
    burner.kill('SIGKILL');
  }
  // A verdict that was on its way when the time was up counts too.
  await pause(5_000);
  const dropped = space === undefined ? '' : (/packets (\d+)/.exec(space.run('nft', 'list', 'ruleset'))?.[1] ?? '');
  const wrong = verdicts(mesh).filter(({ atMs }) => atMs >= startMs);
  for (const { observer, subject, atMs } of wrong)
    say(`FAILED: ${observer} believed ${subject} dead at ${new Date(atMs).toISOString()}`);
  say(
    `${options.minutes} min, ${pauses} pauses of ${pauseMs} ms, one core busy${dropped === '' ? '' : `, ${lossPercent} % of packets lost (${dropped})`}: ${wrong.length} false deaths`,
  );
  return wrong.length === 0;
}
