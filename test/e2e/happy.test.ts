// Law: an intent goes in at any node, the right answer comes out, and its certificate convinces whoever has nothing but the file; changed
// in any way, it convinces nobody and says why.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Verification, verifyCertificateFile } from '../../actors/proof/index.ts';
import { type Certificate, decodeCertificate, encodeCertificate } from '../../consensus/index.ts';
import { createIdentity } from '../../protocols/wire/index.ts';
import { type Asked, localFile, TestMesh, temporaryFolder } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { parley } from '../support/process.ts';
import { createCrypto, realRandom } from '../support/world.ts';

const crypto = createCrypto();
const random = realRandom();
const packages = localFile('packages.csv', readFileSync(packagesPath));
const words = 'total installed_size per section in packages.csv, top 5';

interface FileShape {
  about: Record<string, unknown>;
  mesh: { genesis: string; configs: unknown[] };
  opened: { epoch: number; idempotencyKey: string };
  plan: { goal: string };
  decisions: { decision: string; certificate: string }[];
}

let mesh: TestMesh;
let asked: Asked;
/** Of a workflow of two tasks. */
let chained: Asked;
let proof: Uint8Array;
let chainedProof: Uint8Array;
let result: Uint8Array;
let meshId: string;

beforeAll(async () => {
  mesh = await TestMesh.start(['amber', 'birch', 'cedar', 'dahlia']);
  asked = await mesh.ask(words, [packages], { node: 'amber' });
  chained = await mesh.ask(`${words}, then write it to sizes.md`, [packages], { node: 'cedar', approved: true });
  proof = await mesh.certificate('amber', asked.workflow);
  chainedProof = await mesh.certificate('birch', chained.workflow);
  result = await mesh.blob('dahlia', asked.detail.result!.digest);
  meshId = (await mesh.status('amber')).mesh.id;
});
afterAll(() => mesh?.end());

const verify = (bytes: Uint8Array, options: { result?: Uint8Array; meshId?: string } = {}): Verification =>
  verifyCertificateFile(bytes, { crypto, ...options });
const refusal = (bytes: Uint8Array, options?: { result?: Uint8Array; meshId?: string }): string => {
  const verdict = verify(bytes, options);
  if (verdict.ok) throw new Error('it was accepted');
  return verdict.reason;
};
const reshaped = (bytes: Uint8Array, change: (file: FileShape) => void): Uint8Array => {
  const file = JSON.parse(Buffer.from(bytes).toString('utf8')) as FileShape;
  change(file);
  return new TextEncoder().encode(`${JSON.stringify(file, null, 1)}\n`);
};
/** The file with the certificate of its first decision changed. */
const recertified = (change: (certificate: Certificate) => Certificate): Uint8Array =>
  reshaped(proof, ({ decisions: [first] }) => {
    first!.certificate = Buffer.from(
      encodeCertificate(change(decodeCertificate(new Uint8Array(Buffer.from(first!.certificate, 'base64'))))),
    ).toString('base64');
  });

describe('an intent on a mesh of four processes', () => {
  it('is answered with what a computation of our own over the same file gives', () => {
    const { json } = asked.detail.result!;
    expect((json as { rows: unknown }).rows).toEqual(largestSums(readPackages(packagesPath), 5));
    expect(asked.detail.state).toBe('completed');
    expect(Buffer.from(result).toString('utf8')).toBe(JSON.stringify(json));
    console.log(
      `intent to certified result: ${asked.elapsedMs.toFixed(0)} ms, then ${chained.elapsedMs.toFixed(0)} ms for two tasks`,
    );
  });

  it('tells its story in order and once: opened, assigned, candidates, votes, decided, ended', async () => {
    const types = asked.events.map(({ type }) => type);
    expect(new Set(asked.events.map(({ key }) => key)).size).toBe(asked.events.length);
    expect(types.at(0)).toBe('opened');
    expect(types.at(-1)).toBe('ended');
    expect(types).toContain('decided');
    // What was done on the way comes by other roads than the decision, and to one node after its end; some node saw each of it before.
    for (const name of mesh.names) types.push(...(await mesh.story(name, asked.workflow)).map(({ type }) => type));
    for (const type of ['steward', 'assigned', 'candidate', 'attestation', 'vote']) expect(types).toContain(type);
    expect(types.filter((type) => type === 'evidence' || type === 'fault')).toEqual([]);
  });

  it('is held by more members than may be lost before the client is told that it was accepted', () => {
    expect(asked.heldBy).toBeGreaterThanOrEqual(2);
  });

  it('is known alike to every node, whichever was asked', async () => {
    for (const name of mesh.names) {
      const verdict = verify(await mesh.certificate(name, asked.workflow), { meshId, result });
      expect(verdict.ok, name).toBe(true);
      const detail = await mesh.detail(name, asked.workflow);
      expect([name, detail?.state, detail?.result?.digest]).toEqual([name, 'completed', asked.detail.result!.digest]);
    }
  });

  it('names nobody and refuses nothing where nobody lies', async () => {
    for (const name of mesh.names) {
      const { named, refusals } = await mesh.status(name);
      expect([name, named, refusals]).toEqual([name, [], []]);
    }
  });
});

describe('a certificate', () => {
  const folder = temporaryFolder('parley-proof-');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is verified by a process of its own with no node running, in words', async () => {
    const files = {
      proof: join(folder, 'c.json'),
      result: join(folder, 'r.json'),
      other: join(folder, 'other.json'),
      flipped: join(folder, 'f.json'),
    };
    writeFileSync(files.proof, proof);
    writeFileSync(files.result, result);
    writeFileSync(
      files.other,
      Buffer.from(result)
        .toString('utf8')
        .replace(/\d/, (digit) => `${(Number(digit) + 1) % 10}`),
    );
    await mesh.end();

    const verified = await parley(['verify', files.proof, '--result', files.result, '--mesh', meshId]);
    expect([verified.code, verified.err]).toEqual([0, '']);
    expect(verified.out).toContain('3 of 4 members, any 1 may be lying');
    expect(verified.out).toContain('the one you named');
    console.log(`./parley verify, whole process: ${verified.durationMs.toFixed(0)} ms`);

    const swapped = await parley(['verify', files.proof, '--result', files.other]);
    expect([swapped.code, swapped.err]).toEqual([1, expect.stringContaining('is not the certified one')]);
    const foreign = await parley(['verify', files.proof, '--mesh', '0'.repeat(64)]);
    expect([foreign.code, foreign.err]).toEqual([1, expect.stringContaining(`it is of mesh ${meshId}`)]);
    const damaged = Buffer.from(proof);
    damaged[damaged.length >> 1]! ^= 4;
    writeFileSync(files.flipped, damaged);
    expect((await parley(['verify', files.flipped])).code).toBe(1);
  });

  it('takes little of its own time', () => {
    const startedMs = performance.now();
    expect(verify(proof, { result, meshId }).ok).toBe(true);
    console.log(`verifying, without the start of the process: ${(performance.now() - startedMs).toFixed(1)} ms`);
  });

  it('is refused with any byte flipped, each time with a reason', () => {
    const reasons = new Set<string>();
    for (let i = 0; i < 400; i++) {
      const damaged = proof.slice();
      const at = random.below(damaged.length);
      const bit = random.below(8);
      damaged[at]! ^= 1 << bit;
      const verdict = verify(damaged);
      if (verdict.ok) throw new Error(`accepted with bit ${bit} of byte ${at} flipped`);
      expect(verdict.reason.length).toBeGreaterThan(10);
      reasons.add(verdict.reason.replace(/[0-9a-f]{16,}|\d+/g, '…'));
    }
    expect(reasons.size).toBeGreaterThan(3);
  });

  it('is refused with any byte cut off or added', () => {
    for (const length of [0, 1, 100, proof.length - 1])
      expect(refusal(proof.slice(0, length))).toMatch(/JSON|spelling/);
    expect(refusal(new Uint8Array([...proof, 10]))).toContain('spelling');
    expect(refusal(reshaped(proof, (file) => void Object.assign(file, { note: 'x' })))).toContain(
      'it is not a parley-certificate',
    );
  });

  it('is refused beside another result than its own', () => {
    expect(refusal(proof, { result: result.slice(0, -1) })).toContain('is not the certified one');
    expect(verify(proof, { result }).ok).toBe(true);
  });

  it('is refused for a mesh that it is not of', () => {
    expect(refusal(proof, { meshId: 'ab'.repeat(32) })).toContain('not of mesh');
  });

  it('is refused where its genesis is another one', () => {
    // A nonce that differs makes another mesh, under which none of the signatures was made.
    const foreign = reshaped(proof, (file) => {
      const genesis = Buffer.from(file.mesh.genesis, 'base64');
      const nameAt = genesis.indexOf('test');
      genesis[nameAt + 4]! ^= 1;
      file.mesh.genesis = genesis.toString('base64');
    });
    expect(refusal(foreign)).toMatch(/another workflow or plan|malformed/);
  });

  it('is refused where a signer stands in it twice', () => {
    const twice = recertified((certificate) => ({
      ...certificate,
      votes: [certificate.votes[0]!, certificate.votes[0]!, certificate.votes[1]!],
    }));
    expect(refusal(twice)).toContain('signed twice');
  });

  it('is refused where somebody signed who is no member', () => {
    const stranger = createIdentity(crypto, random.bytes(32));
    const strange = recertified((certificate) => ({
      ...certificate,
      votes: certificate.votes
        .map((vote, i) => (i === 0 ? { ...vote, signer: stranger.id } : vote))
        .sort((a, b) => (a.signer < b.signer ? -1 : 1)),
    }));
    expect(refusal(strange)).toContain('is not a member of epoch 0');
  });

  it('is refused where a member’s name stands over another’s signature', () => {
    const members = decodeCertificate(
      new Uint8Array(
        Buffer.from((JSON.parse(Buffer.from(proof).toString('utf8')) as FileShape).decisions[0]!.certificate, 'base64'),
      ),
    ).votes.map(({ signer }) => signer);
    const stolen = recertified((certificate) => ({
      ...certificate,
      votes: certificate.votes.map((vote, i) => ({
        ...vote,
        signer: members[i]!,
        signature: certificate.votes[(i + 1) % 3]!.signature,
      })),
    }));
    expect(refusal(stolen)).toContain('does not verify');
  });

  it('is refused with fewer votes than a quorum', () => {
    for (const keep of [0, 1, 2])
      expect(
        refusal(recertified((certificate) => ({ ...certificate, votes: certificate.votes.slice(0, keep) }))),
      ).toMatch(/votes weigh \d of the 3 needed/);
  });

  it('is refused where one of its decisions is missing, moved, repeated or another workflow’s', () => {
    expect(verify(chainedProof).ok).toBe(true);
    expect(refusal(reshaped(chainedProof, (file) => void file.decisions.shift()))).toMatch(
      /rests on outputs that are not in the file|decisions are missing/,
    );
    expect(refusal(reshaped(chainedProof, (file) => void file.decisions.pop()))).toContain('decisions are missing');
    expect(refusal(reshaped(chainedProof, (file) => void file.decisions.reverse()))).toContain('spelling was changed');
    expect(refusal(reshaped(chainedProof, (file) => void file.decisions.push(file.decisions[0]!)))).toContain('twice');
    const other = JSON.parse(Buffer.from(proof).toString('utf8')) as FileShape;
    const borrowed = reshaped(chainedProof, (file) => void file.decisions.splice(0, 1, other.decisions[0]!));
    expect(refusal(borrowed)).toContain('another workflow or plan');
    // The certificate of one decision over the bytes of another.
    expect(
      refusal(
        reshaped(chainedProof, (file) => {
          [file.decisions[0]!.certificate, file.decisions[1]!.certificate] = [
            file.decisions[1]!.certificate,
            file.decisions[0]!.certificate,
          ];
        }),
      ),
    ).toContain('is not proven');
  });

  it('is refused where its readable part, its plan or its opening says something else', () => {
    const said = (change: (file: FileShape) => object): string =>
      refusal(reshaped(proof, (file) => void Object.assign(file, change(file))));
    expect(said(({ about }) => ({ about: { ...about, basis: 'recomputed by everyone' } }))).toContain('readable part');
    expect(said(({ plan }) => ({ plan: { ...plan, goal: 'another goal' } }))).toContain('another workflow or plan');
    expect(said(({ opened }) => ({ opened: { ...opened, idempotencyKey: 'another-key' } }))).toContain(
      'another workflow or plan',
    );
    expect(said(({ opened }) => ({ opened: { ...opened, epoch: 1 } }))).toContain('epoch 1');
  });
});
