import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeDecision, judgeAgainstTerms, judgeDecision } from '../../consensus/index.ts';
import { configHash, createMeshChain } from '../../protocols/mesh/index.ts';
import { hex, utf8 } from '../../protocols/wire/index.ts';
import { crypto } from '../../test/support/decisions.ts';
import { manifests, planOf, task } from '../../test/support/in-process-mesh.ts';
import { applyAll, plainRecord, Scribe, type Written } from '../../test/support/scribe.ts';
import { planBytes } from '../plan/index.ts';
import { createBoard, openPerGatewayMax } from './board.ts';
import { draftDecision } from './draft.ts';
import { decodeWorkflowEntry, encodeWorkflowEntry, type WorkflowEntry, workflowId } from './entries.ts';
import { attemptOf } from './record.ts';

const plan = planOf([
  task('count'),
  task('maybe', { optional: true, skill: 'fail' }),
  task('sum', {
    after: ['count', 'maybe'],
    files: { 'count.json': { task: 'count' }, 'maybe.json': { task: 'maybe' } },
  }),
]);

/** Everything that was said of one workflow from its opening to its end: by four members, one of whom lies, and two gateways. */
function story(): { readonly scribe: Scribe; readonly entries: readonly Written[] } {
  const scribe = new Scribe(plan);
  const record = scribe.opening();
  const entries: Written[] = [scribe.opened('amber'), scribe.opened('birch')];
  for (const [name, output] of [
    ['count', '[1]'],
    ['maybe', undefined],
    ['sum', '[2]'],
  ] as const) {
    const terms = scribe.terms(name, 0, record);
    const right = scribe.candidate('amber', terms, output);
    const wrong = scribe.candidate('dune', terms, '[9]');
    const said = [
      scribe.said('amber', right),
      scribe.said('dune', wrong),
      scribe.said('dune', scribe.candidate('dune', terms, '[8]')),
    ];
    const attested = [
      scribe.attested('birch', right),
      scribe.attested('cedar', right),
      scribe.attested('birch', wrong, -1),
      scribe.attested('dune', right, -1),
    ];
    entries.push(scribe.assigned('birch', name, ['amber', 'dune'], ['birch', 'cedar']), ...said, ...attested);
    entries.push(
      scribe.assigned('dune', name, ['birch'], ['amber']),
      scribe.fault('dune', name),
      scribe.expired('dune', name),
    );
    const board = scribe.board();
    applyAll(board, entries);
    const attempt = board.get(scribe.workflow)!.tasks.get(name)!.attempts.get(0)!;
    Object.assign(attemptOf(record, name, 0), { candidates: attempt.candidates, attestations: attempt.attestations });
    entries.push(scribe.decided('cedar', record, name));
  }
  entries.push(scribe.cancelled('dune', 'because'));
  return { scribe, entries };
}
const told = story();

/** An order of the entries in which each author's own stay in order, as lanes keep them, some of them twice. */
const orders = fc
  .array(fc.nat(), { minLength: told.entries.length * 3, maxLength: told.entries.length * 3 })
  .map((picks) => {
    const lanes = new Map<string, Written[]>();
    for (const entry of told.entries) lanes.set(entry.author, [...(lanes.get(entry.author) ?? []), entry]);
    const order: Written[] = [];
    for (const pick of picks) {
      const waiting = [...lanes.values()].filter((lane) => lane.length > 0);
      const lane = waiting[pick % Math.max(1, waiting.length)];
      if (lane !== undefined) order.push(lane.shift()!);
      if (pick % 3 === 0 && order.length > 0) order.push(order[pick % order.length]!);
    }
    return [...order, ...[...lanes.values()].flat()];
  });

describe('the record', () => {
  it('is the same in whatever order its entries come, and however often', () => {
    const board = told.scribe.board();
    applyAll(board, told.entries);
    const expected = plainRecord(board.get(told.scribe.workflow)!);
    expect(expected).toMatchObject({ ended: { state: 'completed' } });
    fc.assert(
      fc.property(orders, (order) => {
        const other = told.scribe.board('cedar');
        applyAll(other, order);
        expect(plainRecord(other.get(told.scribe.workflow)!)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('of any part of its entries carries a decision that two nodes draft to the same bytes, and that holds', () => {
    const undecided = told.entries.filter(({ body }) => decodeWorkflowEntry(body).kind !== 'decided');
    fc.assert(
      fc.property(fc.subarray([...undecided.slice(2)]), orders, (part, order) => {
        const kept = new Set([...told.entries.slice(0, 2), ...part]);
        const boards = [undecided.filter((entry) => kept.has(entry)), order.filter((entry) => kept.has(entry))].map(
          (entries) => {
            const board = told.scribe.board();
            applyAll(board, entries);
            return board.get(told.scribe.workflow)!;
          },
        );
        const config = told.scribe.chain.current;
        for (const name of ['count', 'maybe']) {
          const terms = told.scribe.terms(name);
          const drafts = boards.map((record) => draftDecision(attemptOf(record, name, 0), terms, config));
          const [one, other] = drafts.map((draft) =>
            draft === undefined ? undefined : hex.encode(encodeDecision(draft)),
          );
          expect(one).toBe(other);
          if (drafts[0] === undefined) continue;
          expect(judgeDecision(drafts[0], { config, meshId: told.scribe.chain.meshId }, crypto)).toEqual({ ok: true });
          expect(judgeAgainstTerms(drafts[0], terms)).toEqual({ ok: true });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('hears of each change once, and of a contradiction with its author’s name', () => {
    const board = told.scribe.board();
    const changes: string[] = [];
    const found: unknown[] = [];
    board.onChange(({ entry }) => void changes.push(entry.kind));
    board.onContradiction(({ author, what }) => void found.push([author, what]));
    applyAll(board, [...told.entries, ...told.entries]);
    expect(changes.filter((kind) => kind === 'candidate')).toHaveLength(6);
    expect(changes.filter((kind) => kind === 'decided')).toHaveLength(3);
    expect(found.length).toBeGreaterThanOrEqual(3);
    expect(new Set(found.map(String))).toEqual(
      new Set([`${told.scribe.id('dune')},signed two different results of one attempt`]),
    );
  });
});

describe('a subscriber that fails', () => {
  it('keeps the news from nobody else, nor from whoever brought it', () => {
    const { scribe } = told;
    const board = scribe.board();
    const heard: string[] = [];
    board.onChange(() => {
      throw new Error('a fault of this subscriber');
    });
    board.onChange(({ entry }) => void heard.push(entry.kind));
    expect(() => applyAll(board, [scribe.opened('amber')])).not.toThrow();
    expect(heard).toEqual(['opened']);
  });
});

describe('what comes before its time', () => {
  it('waits for the opening of its workflow, whoever is heard first', () => {
    const { scribe, entries } = told;
    const board = scribe.board();
    applyAll(board, entries.slice(2));
    expect(board.all()).toEqual([]);
    applyAll(board, entries.slice(0, 1));
    expect(board.get(scribe.workflow)?.ended?.state).toBe('completed');
  });

  it('waits for the epoch it was opened in', () => {
    const scribe = new Scribe(planOf([task('one')]));
    const chain = createMeshChain(scribe.chain.genesis, crypto);
    const board = createBoard({
      chain,
      crypto,
      clock: { monotonicMs: () => 0, wallMs: () => 0 },
      self: scribe.id('amber'),
      manifests,
      log: () => {},
    });
    const digest = hex.encode(crypto.sha256(planBytes(scribe.plan)));
    const workflow = workflowId(
      { meshId: chain.meshId, epoch: 1, idempotencyKey: 'a-later-epoch', planDigest: digest },
      crypto,
    );
    const opened: WorkflowEntry = {
      kind: 'opened',
      workflow,
      idempotencyKey: 'a-later-epoch',
      words: 'w',
      plan: planBytes(scribe.plan),
      epoch: 1,
      approved: true,
      atMs: 1,
    };
    board.apply(scribe.id('amber'), encodeWorkflowEntry(opened));
    board.apply(
      scribe.id('birch'),
      encodeWorkflowEntry({ kind: 'fault', workflow, task: 'one', attempt: 0, code: 'x', message: 'y', atMs: 1 }),
    );
    expect(board.all()).toEqual([]);
    const { current } = chain;
    const config = { ...current, epoch: 1, previous: crypto.sha256(new Uint8Array(1)) };
    expect(() => chain.append({ config, certificate: new Uint8Array(1) }, true)).toThrow(/another config/);
    // The certificate of a link is the chain store's to check.
    chain.append({ config: { ...config, previous: hash(current) }, certificate: new Uint8Array(1) }, true);
    expect(board.get(workflow)?.tasks.get('one')?.attempts.get(0)?.faults.size).toBe(1);
  });

  it('of one member takes no place from what comes of the others', () => {
    const scribe = new Scribe(planOf([task('one')]));
    const board = scribe.board();
    for (let i = 0; i < 12_000; i++) {
      const workflow = hex.encode(crypto.sha256(utf8.encode(`nothing ${i}`)));
      board.apply(scribe.id('dune'), encodeWorkflowEntry({ kind: 'cancelled', workflow, reason: 'spam', atMs: 1 }));
    }
    applyAll(board, [scribe.fault('birch', 'one'), scribe.opened('amber')]);
    expect(board.get(scribe.workflow)?.tasks.get('one')?.attempts.get(0)?.faults.size).toBe(1);
  });
});

function hash(config: Parameters<typeof createMeshChain>[0]['config']): Uint8Array {
  const one = createMeshChain({ name: 'any', nonce: new Uint8Array(32), config }, crypto);
  return configHash(one.current, crypto);
}

describe('a cancellation', () => {
  const scribe = new Scribe(planOf([task('one')]));
  const state = (...entries: readonly Written[]): string | undefined => {
    const board = scribe.board();
    applyAll(board, entries);
    return board.get(scribe.workflow)?.ended?.state;
  };

  it('counts when it is the gateway’s, and not when it is somebody else’s', () => {
    expect(state(scribe.opened('amber'), scribe.cancelled('amber'))).toBe('cancelled');
    expect(state(scribe.opened('amber'), scribe.cancelled('dune'))).toBeUndefined();
  });

  it('counts when so many members say so that more of them are honest than may lie', () => {
    const two = [scribe.opened('amber'), scribe.cancelled('dune'), scribe.cancelled('cedar')];
    expect(state(...two)).toBeUndefined();
    expect(state(...two, scribe.cancelled('birch'))).toBe('cancelled');
  });

  it('of two gateways that both opened it is everybody’s to join, and over only then', () => {
    const both = [scribe.opened('amber'), scribe.opened('birch'), scribe.cancelled('amber'), scribe.cancelled('birch')];
    expect(state(...both)).toBeUndefined();
    expect(state(...both, scribe.cancelled('cedar'))).toBe('cancelled');
  });

  it('of one who copied the opening stops nothing, whoever was heard first', () => {
    const entries = [scribe.opened('dune'), scribe.cancelled('dune'), scribe.opened('amber')];
    expect(state(...entries)).toBeUndefined();
    expect(state(entries[2]!, entries[0]!, entries[1]!)).toBeUndefined();
  });

  it('yields to certificates', () => {
    const { scribe: other, entries } = told;
    const board = other.board();
    const cancelled = ['amber', 'birch', 'cedar'].map((name) => other.cancelled(name));
    applyAll(board, [...entries.slice(0, 2), ...cancelled]);
    expect(board.get(other.workflow)?.ended?.state).toBe('cancelled');
    applyAll(board, entries.slice(2));
    expect(board.get(other.workflow)?.ended?.state).toBe('completed');
  });
});

describe('the same request', () => {
  it('is found by its key and plan, whatever another member opened with that key', () => {
    const ours = new Scribe(planOf([task('one')]), { key: 'the-same-key' });
    const theirs = new Scribe(planOf([task('one', { input: { of: 'something else' } })]), { key: 'the-same-key' });
    const board = ours.board('amber');
    applyAll(board, [theirs.opened('dune'), ours.opened('amber')]);
    const digest = hex.encode(crypto.sha256(planBytes(ours.plan)));
    expect(board.byRequest('the-same-key', digest)?.workflow).toBe(ours.workflow);
    expect(board.openedHere('the-same-key')?.workflow).toBe(ours.workflow);
    expect(board.byIdempotencyKey('the-same-key')?.workflow).toBe(ours.workflow);
    expect(board.byRequest('the-same-key', '0'.repeat(64))).toBeUndefined();
  });
});

describe('the name of a workflow', () => {
  const about = {
    meshId: crypto.sha256(utf8.encode('mesh')),
    epoch: 3,
    idempotencyKey: 'a-key-of-its-own',
    planDigest: 'ab'.repeat(32),
  };
  it('is bound to its mesh, its epoch, its key and its plan', () => {
    const named = workflowId(about, crypto);
    expect(named).toMatch(/^[0-9a-f]{64}$/);
    const others = [
      { ...about, meshId: crypto.sha256(utf8.encode('another')) },
      { ...about, epoch: 4 },
      { ...about, idempotencyKey: 'a-key-of-its-owm' },
      { ...about, planDigest: 'ba'.repeat(32) },
    ].map((other) => workflowId(other, crypto));
    expect(new Set([named, ...others]).size).toBe(5);
    expect(workflowId({ ...about }, crypto)).toBe(named);
  });
});

describe('a gateway that opens without end', () => {
  it('has so many workflows in hand, the others wait their turn, and nobody else’s wait', () => {
    const simple = planOf([task('one')]);
    const scribes = Array.from(
      { length: openPerGatewayMax + 2 },
      (_, i) => new Scribe(simple, { key: `number-${i}-of-many` }),
    );
    const board = scribes[0]!.board();
    for (const scribe of scribes) applyAll(board, [scribe.opened('dune')]);
    expect(board.running()).toHaveLength(openPerGatewayMax);
    const honest = new Scribe(simple, { key: 'an-honest-one' });
    applyAll(board, [honest.opened('amber')]);
    expect(board.get(honest.workflow)).toBeDefined();
    applyAll(board, [scribes[0]!.cancelled('dune')]);
    expect(board.get(scribes.at(-2)!.workflow)).toBeDefined();
    expect(board.get(scribes.at(-1)!.workflow)).toBeUndefined();
    expect(board.running()).toHaveLength(openPerGatewayMax + 1);
  });
});
