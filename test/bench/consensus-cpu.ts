// Law: what a decision costs is CPU time, since wall time on a shared machine says little: all members in one process, real signatures,
// no disk and no wire, so that what remains is the engine's own. A fixed number of decisions, not of seconds: on a busy machine the
// compiler's share would depend on how busy it is.
// Usage: node test/bench/consensus-cpu.ts [members] [in flight …]
import { createEngine, type Engine, type EngineInput } from '../../consensus/index.ts';
import { compareText, utf8 } from '../../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../support/world.ts';

const [count = 4, ...depths] = process.argv.slice(2).map(Number);
const crypto = createCrypto();
const identities = Array.from({ length: count }, (_, i) => testIdentity(i + 1)).sort((a, b) => compareText(a.id, b.id));
const f = Math.floor((count - 1) / 3);
const config = {
  epoch: 0,
  members: identities.map(({ id }, i) => ({
    id,
    weight: 1,
    name: `n${i}`,
    site: 's',
    operator: 'o',
    modelFamily: 'none',
  })),
  f,
  c: 0,
  p: Math.max(0, Math.floor((count - 3 * f + 1) / 2)),
  previous: new Uint8Array(32),
};

interface Member {
  readonly engine: Engine;
  inbox: EngineInput[];
  decided: number;
}

/** How many decisions are made first, unmeasured, for the compiler, and how many are measured. */
const [warmUp, measured] = [6_000, 12_000];

function run(inFlight: number): number {
  const members: Member[] = identities.map((self) => ({
    engine: createEngine({
      self,
      meshId: new Uint8Array(32),
      config,
      crypto,
      timeouts: { baseMs: 300, maxMs: 5_000 },
    }),
    inbox: [],
    decided: 0,
  }));
  const byId = new Map(identities.map(({ id }, i) => [id, members[i]!]));
  let key = 0;
  const startOne = (): void => {
    const subject = { domain: 'verdict', key: utf8.encode(`instance ${key++}`) } as const;
    const leader = members[0]!.engine.leader(members[0]!.engine.instanceId(subject), 0);
    byId.get(leader)!.inbox.push({ type: 'start', subject, payload: new Uint8Array(200).fill(key & 0xff) });
  };
  for (let i = 0; i < inFlight; i++) startOne();
  let before = process.cpuUsage();
  let isWarm = false;
  while (members[0]!.decided < warmUp + measured) {
    if (!isWarm && members[0]!.decided >= warmUp) {
      isWarm = true;
      before = process.cpuUsage();
    }
    for (const [index, member] of members.entries()) {
      const inputs = member.inbox;
      if (inputs.length === 0) continue;
      member.inbox = [];
      const from = identities[index]!.id;
      for (const output of member.engine.handleAll(inputs)) {
        if (output.type === 'send') {
          for (const [to, other] of byId)
            if (to !== from && (output.to === 'all' || output.to === to))
              other.inbox.push({ type: 'frame', from, bytes: output.frame });
        } else if (output.type === 'validate') {
          member.inbox.push({ type: 'validated', instance: output.instance, value: output.value, ok: true });
        } else if (output.type === 'decided') {
          member.decided++;
          if (index === 0) startOne();
        }
      }
    }
  }
  const used = process.cpuUsage(before);
  return (used.user + used.system) / measured;
}

/** What this machine takes for one signature check just now: a measure that does not depend on what else runs on it. */
function verificationUs(): number {
  const { secretKey, publicKey } = identities[0]!;
  const message = new Uint8Array(64);
  const signature = crypto.sign(secretKey, message);
  const rounds = 2_000;
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) crypto.verify(publicKey, message, signature);
  const used = process.cpuUsage(before);
  return (used.user + used.system) / rounds;
}

for (const inFlight of depths.length > 0 ? depths : [64, 256]) {
  const [cpuUs, checkUs] = [run(inFlight), verificationUs()];
  console.log(
    `n=${count} in flight ${inFlight}: ${cpuUs.toFixed(1)} µs CPU per decision, all members: ${(cpuUs / checkUs).toFixed(2)} × one signature check (${checkUs.toFixed(1)} µs)`,
  );
}
