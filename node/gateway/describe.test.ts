// Law: see describe.ts.
import { describe, expect, it } from 'vitest';
import type { Parts } from '../../actors/parts/index.ts';
import { crypto } from '../../test/support/decisions.ts';
import { planOf, task } from '../../test/support/in-process-mesh.ts';
import { applyAll, Scribe } from '../../test/support/scribe.ts';
import { detailOf } from './describe.ts';

describe('who a task is said to have been worked on by', () => {
  const scribe = new Scribe(planOf([task('one')]));
  const parts = {
    chain: scribe.chain,
    view: { isLive: () => true, state: () => 'alive', presence: () => undefined, onChange: () => () => {} },
    world: { crypto },
  } as unknown as Parts;
  const terms = scribe.terms('one');
  const right = scribe.candidate('birch', terms, '["one"]');
  const statements = [
    scribe.said('birch', right),
    scribe.attested('cedar', right),
    scribe.attested('dune', right),
    scribe.attested('amber', right, -1),
  ];
  /** Decided where everything arrived. */
  const elsewhere = scribe.board();
  applyAll(elsewhere, [scribe.opened('amber'), ...statements]);
  const decided = scribe.decided('amber', elsewhere.get(scribe.workflow)!, 'one');
  const shown = (...entries: readonly (typeof decided)[]) => {
    const board = scribe.board();
    applyAll(board, [scribe.opened('amber'), ...entries]);
    const { executors, verifiers } = detailOf(parts, board.get(scribe.workflow)!, undefined, '/nowhere')
      .taskDetails[0]!;
    return { executors: [...executors].sort(), verifiers: [...verifiers].sort() };
  };

  it('is who was asked, before anything is decided', () => {
    expect(shown(scribe.assigned('amber', 'one', ['birch'], ['dune']))).toEqual({
      executors: ['birch'],
      verifiers: ['dune'],
    });
  });

  it('is who the decision rests on or speaks of, where it came before the word of who was asked', () => {
    expect(shown(decided)).toEqual({ executors: ['birch'], verifiers: ['amber', 'cedar', 'dune'] });
  });

  it('is both, each once, when that word has come too', () => {
    expect(shown(decided, scribe.assigned('amber', 'one', ['birch', 'cedar'], ['amber', 'dune']))).toEqual({
      executors: ['birch', 'cedar'],
      verifiers: ['amber', 'dune'],
    });
  });
});
