import { beforeAll, describe, expect, test } from 'vitest';
import {
  attestations,
  candidates,
  type Decision,
  encodeCertificate,
  encodeDecision,
  exact,
  verdictKey,
} from '../../consensus/index.ts';
import { createMeshChain, type Genesis, type Member, type MeshChain } from '../../protocols/mesh/index.ts';
import { compareText, hex, type Identity, utf8 } from '../../protocols/wire/index.ts';
import { certify } from '../../test/support/certify.ts';
import { createCrypto, testIdentity } from '../../test/support/world.ts';
import { type Plan, planDigest } from '../plan/index.ts';
import { attemptOf, boundCall, callDigest, emptyRecord, type WorkflowRecord, workflowId } from '../workflow/index.ts';
import { buildCertificateFile } from './build.ts';
import { verifyCertificateFile } from './verify.ts';

const crypto = createCrypto();
const names = ['amber', 'birch', 'cedar', 'dune'];

function meshOf(seed: number): { identities: Identity[]; chain: MeshChain } {
  const identities = names.map((_, i) => testIdentity(seed * 10 + i, crypto));
  const members = identities
    .map(
      ({ id }, i): Member => ({
        id,
        weight: 1,
        name: names[i]!,
        site: 'local',
        operator: 'local',
        modelFamily: 'none',
      }),
    )
    .sort((a, b) => compareText(a.id, b.id));
  const genesis: Genesis = {
    name: 'test',
    nonce: new Uint8Array(32).fill(seed),
    config: { epoch: 0, members, f: 1, c: 0, p: 1, previous: new Uint8Array(32) },
  };
  return { identities, chain: createMeshChain(genesis, crypto) };
}

const plan: Plan = {
  version: 1,
  goal: 'total per section',
  tasks: [
    {
      id: 'query',
      skill: 'table.query',
      input: { limit: 5 },
      files: { 'a.csv': { blob: { digest: 'ab'.repeat(32), sizeBytes: 12 } } },
      after: [],
      endorsement: 'quorum',
      optional: false,
      timeoutMs: 60_000,
    },
  ],
  result: 'query',
  risk: 'read-only',
};
const output = utf8.encode('{"rows":[]}');

/** A completed workflow of one task, decided by the real engines of four members. */
function completed(
  { identities, chain }: { identities: Identity[]; chain: MeshChain },
  result = output,
): WorkflowRecord {
  const idempotencyKey = 'key-of-this-test';
  const digest = planDigest(plan, crypto);
  const record = emptyRecord(
    workflowId({ meshId: chain.meshId, epoch: 0, idempotencyKey, planDigest: digest }, crypto),
  );
  record.opened = {
    gateway: identities[0]!.id,
    idempotencyKey,
    words: plan.goal,
    plan,
    planDigest: digest,
    epoch: 0,
    approved: true,
    atMs: 1,
  };
  const about = {
    meshId: chain.meshId,
    epoch: 0,
    workflow: hex.decode(record.workflow),
    planDigest: hex.decode(digest),
    task: 'query',
    attempt: 0,
  };
  const call = callDigest(boundCall(record, 'query')!, crypto);
  const relation = { id: exact.id, version: exact.version, paramsHash: exact.paramsHash };
  const [executor, ...verifiers] = identities as [Identity, ...Identity[]];
  const resultDigest = crypto.sha256(result);
  const candidate = candidates.sign(
    {
      ...about,
      callDigest: call,
      skill: 'table.query',
      skillVersion: '1',
      outcome: 'result',
      resultDigest,
      sizeBytes: result.length,
      executor: executor.id,
    },
    executor.secretKey,
    crypto,
  );
  const agreeing = verifiers
    .map((verifier) =>
      attestations.sign(
        {
          ...about,
          callDigest: call,
          candidateDigest: candidates.digest(candidate, crypto),
          relation,
          verdict: 1,
          score: 0,
          ownDigest: resultDigest,
          modelFamily: 'none',
          verifier: verifier.id,
        },
        verifier.secretKey,
        crypto,
      ),
    )
    .sort((a, b) => compareText(a.verifier, b.verifier));
  const decision: Decision = {
    ...about,
    kind: 'ACCEPT',
    callDigest: call,
    skill: 'table.query',
    skillVersion: '1',
    resultDigest,
    sizeBytes: result.length,
    endorsement: { rule: 'quorum' },
    relation,
    candidate,
    attestations: agreeing,
    dissent: [],
  };
  const decisionBytes = encodeDecision(decision);
  const certificate = certify({
    identities,
    config: chain.current,
    meshId: chain.meshId,
    subject: { domain: 'verdict', key: verdictKey(decision) },
    payload: decisionBytes,
  });
  attemptOf(record, 'query', 0).certified = {
    decision,
    decisionBytes,
    certificate,
    certificateBytes: encodeCertificate(certificate),
  };
  return record;
}

const mesh = meshOf(1);
let file: Uint8Array;
beforeAll(() => {
  file = buildCertificateFile(completed(mesh), mesh.chain)!;
});

const refusal = (bytes: Uint8Array, options: { result?: Uint8Array; meshId?: string } = {}): string => {
  const verification = verifyCertificateFile(bytes, { crypto, ...options });
  return verification.ok ? '' : verification.reason;
};
const edited = (edit: (json: Record<string, never>) => void, source = file): Uint8Array => {
  const json = JSON.parse(utf8.decode(source)) as Record<string, never>;
  edit(json);
  return utf8.encode(`${JSON.stringify(json, null, 1)}\n`);
};

describe('a certificate file', () => {
  test('proves its result offline and says in words what is proven', () => {
    const verification = verifyCertificateFile(file, { crypto, result: output, meshId: mesh.chain.meshIdHex });
    expect(verification).toMatchObject({
      ok: true,
      isAnchored: true,
      about: {
        basis: 'recomputed by amber, birch, cedar and dune (4 of 4)',
        tolerance: '3 of 4 members, any 1 may be lying',
      },
    });
  });

  test('with any byte flipped is refused, wherever the byte stands', () => {
    // Every seventh byte: a full verification each, and 7 divides no field's length.
    for (let i = 0; i < file.length; i += 7) {
      const flipped = file.slice();
      flipped[i]! ^= 1 << (i % 7);
      expect(refusal(flipped), `byte ${i}`).not.toBe('');
    }
  });

  test('with bits in its base64 that no byte uses is refused: they would be the one place to change it unseen', () => {
    const json = utf8.decode(file);
    const padded = [...json.matchAll(/([A-Za-z0-9+/])(==?)"/g)];
    expect(padded.length).toBeGreaterThan(0);
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    for (const { index, 1: digit } of padded) {
      const other = digits[digits.indexOf(digit!) ^ 1]!;
      expect(refusal(utf8.encode(json.slice(0, index) + other + json.slice(index + 1)))).toMatch(
        /spelled in another way/,
      );
    }
  });

  test('with white space or key order changed is refused, though nothing it says has changed', () => {
    expect(refusal(utf8.encode(JSON.stringify(JSON.parse(utf8.decode(file)))))).toMatch(/spelling/);
  });

  test('does not vouch for another result than the certified one', () => {
    expect(refusal(file, { result: utf8.encode('{"rows":[1]}') })).toMatch(/is not the certified one/);
  });

  test('of another mesh than the one the verifier trusts is refused', () => {
    const foreign = meshOf(2);
    const forged = buildCertificateFile(completed(foreign), foreign.chain)!;
    expect(refusal(forged)).toBe('');
    expect(refusal(forged, { meshId: mesh.chain.meshIdHex })).toMatch(/not of mesh/);
  });

  test('cannot borrow the genesis of a mesh whose members did not decide', () => {
    const foreign = meshOf(2);
    const forged = buildCertificateFile(completed(foreign), foreign.chain)!;
    const genesis = (JSON.parse(utf8.decode(file)) as { mesh: { genesis: string } }).mesh.genesis;
    const spliced = edited((json) => {
      (json as unknown as { mesh: { genesis: string } }).mesh.genesis = genesis;
    }, forged);
    expect(refusal(spliced)).toMatch(/another workflow or plan|another mesh|not proven/);
  });

  test('whose readable part was embellished is refused', () => {
    const embellished = edited((json) => {
      (json as unknown as { about: { basis: string } }).about.basis = 'recomputed by everyone, twice';
    });
    expect(refusal(embellished)).toMatch(/readable part/);
  });

  test('whose plan was changed is about another workflow, and refused', () => {
    const changed = edited((json) => {
      (json as unknown as { plan: { tasks: { input: { limit: number } }[] } }).plan.tasks[0]!.input.limit = 6;
    });
    expect(refusal(changed)).toMatch(/another workflow or plan/);
  });

  test('without the decision its result rests on, or with one twice, is refused', () => {
    const without = edited((json) => {
      (json as unknown as { decisions: unknown[] }).decisions = [];
    });
    const twice = edited((json) => {
      const { decisions } = json as unknown as { decisions: unknown[] };
      decisions.push(decisions[0]);
    });
    expect(refusal(without)).not.toBe('');
    expect(refusal(twice)).toMatch(/twice/);
  });
});
