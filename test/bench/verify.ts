// Law: what checking a certificate costs is measured where nothing else runs: a process that has loaded the verifier and what that needs,
// and knows neither engine nor transport. The certificates are the engine's own. CPU time, not wall time.
// Usage: node test/bench/verify.ts
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { compareText, utf8 } from '../../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../support/world.ts';

type Consensus = typeof import('../../consensus/index.ts');

interface Task {
  readonly count: number;
  /** Members that never vote: with more of them than the fast path spares, a certificate shows a quorum of precommits. */
  readonly down: number;
}
interface Given extends Task {
  readonly budget: ReturnType<Consensus['defaultFaultBudget']>;
  /** Base64. */
  readonly certificates: readonly string[];
}

const crypto = createCrypto();
const meshId = new Uint8Array(32).fill(1);
/** What is asked for, in milliseconds of CPU. */
const goalMs: Readonly<Record<number, number>> = { 4: 0.3, 16: 1 };
const instances = 64;
const rounds = 40;

function meshOf(count: number) {
  const identities = Array.from({ length: count }, (_, i) => testIdentity(i)).sort((a, b) => compareText(a.id, b.id));
  const members = identities.map(({ id }, i) => ({
    id,
    weight: 1,
    name: `n${i}`,
    site: 's',
    operator: 'o',
    modelFamily: 'none',
  }));
  return { identities, config: { epoch: 0, members, previous: new Uint8Array(32) } };
}

/** Certificates of as many instances as are decided together, so that their votes come out of batches, with paths. */
async function certificatesOf({ count, down }: Task): Promise<Given> {
  const { createEngine, defaultFaultBudget, encodeCertificate } = await import('../../consensus/index.ts');
  type Input = Parameters<ReturnType<typeof createEngine>['handle']>[0];
  const { identities, config } = meshOf(count);
  const budget = defaultFaultBudget(count);
  const timeouts = { baseMs: 300, maxMs: 5_000 };
  const members = identities.slice(0, count - down).map((self) => ({
    id: self.id,
    engine: createEngine({ self, meshId, config: { ...config, ...budget }, crypto, timeouts }),
    inbox: [] as Input[],
  }));
  const [first] = members;
  for (let i = 0, started = 0; started < instances; i++) {
    const subject = { domain: 'verdict', key: utf8.encode(`${i}`) } as const;
    const leader = members.find(({ id, engine }) => engine.leader(engine.instanceId(subject), 0) === id);
    if (leader === undefined) continue;
    leader.inbox.push({ type: 'start', subject, payload: utf8.encode(`answer ${i}`) });
    started++;
  }
  const certificates: string[] = [];
  for (let isBusy = true; isBusy; ) {
    isBusy = false;
    // In step: what all say in one turn is heard by all in the next.
    const turns = members.map((member) => ({ member, inputs: member.inbox.splice(0) }));
    for (const { member, inputs } of turns) {
      isBusy ||= inputs.length > 0;
      for (const output of member.engine.handleAll(inputs)) {
        if (output.type === 'send') {
          for (const other of members)
            if (other !== member && (output.to === 'all' || output.to === other.id))
              other.inbox.push({ type: 'frame', from: member.id, bytes: output.frame });
        } else if (output.type === 'validate') {
          member.inbox.push({ type: 'validated', instance: output.instance, value: output.value, ok: true });
        } else if (output.type === 'decided' && member === first) {
          certificates.push(Buffer.from(encodeCertificate(output.certificate)).toString('base64'));
        }
      }
    }
  }
  if (certificates.length !== instances) throw new Error(`${certificates.length} of ${instances} were decided`);
  return { count, down, budget, certificates };
}

async function measure({ count, budget, certificates }: Given): Promise<void> {
  // Past the door on purpose: the door brings the engine along.
  const verifier = new URL('../../consensus/certificate.ts', import.meta.url).href;
  const { decodeCertificate, verifyCertificate } = (await import(verifier)) as Consensus;
  const config = { ...meshOf(count).config, ...budget };
  const encoded = certificates.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
  const checkAll = (): void => {
    for (const bytes of encoded) {
      const check = verifyCertificate(decodeCertificate(bytes), config, meshId, crypto);
      if (!check.ok) throw new Error(check.reason);
    }
  };
  for (let i = 0; i < rounds / 4; i++) checkAll();
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) checkAll();
  const { user, system } = process.cpuUsage(before);
  const eachMs = (user + system) / 1_000 / rounds / encoded.length;
  const { votes, kind } = decodeCertificate(encoded[0]!);
  const goal = goalMs[count]!;
  console.log(
    `verify n=${count} ${kind.padEnd(6)} ${votes.length} signatures, ${encoded[0]!.length} bytes: ${eachMs.toFixed(3)} ms CPU, goal ${goal} ms: ${eachMs <= goal ? 'met' : 'missed'}`,
  );
}

if (process.argv[2] === 'measure') {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  await measure(JSON.parse(Buffer.concat(chunks).toString()) as Given);
} else {
  for (const task of [
    { count: 4, down: 0 },
    { count: 16, down: 0 },
    { count: 16, down: 2 },
  ]) {
    const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'measure'], {
      input: JSON.stringify(await certificatesOf(task)),
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    if (status !== 0) process.exit(1);
  }
}
