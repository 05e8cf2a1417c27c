// Law: as list.ts: mistakes in the engine's own rules, hunted where a thousand meshes cost a minute, and in what keeps a node from saying two
// things when its disk is not what it was.
import type { Mutant } from './mutant.ts';

export const ruleMutants: readonly Mutant[] = [
  {
    name: 'an older polka unlocks',
    file: 'consensus/core.ts',
    edits: [
      [
        'state.lockedRound <= input.polkaRound || state.lockedValue === input.value ? input.value : null,',
        'input.value,',
      ],
    ],
    scenario: 'consensus',
  },
  {
    name: 'a polka is one vote short',
    file: 'consensus/vote-keeper.ts',
    edits: [
      [
        'return tally !== undefined && weightIn(tally, value) >= keeper.quorum;',
        "return tally !== undefined && weightIn(tally, value) >= keeper.quorum - (kind === 'prevote' ? 1 : 0);",
      ],
    ],
    scenario: 'consensus',
  },
  {
    name: 'reports force nothing',
    file: 'consensus/fast-path.ts',
    edits: [
      [
        'if (leader !== undefined) return { admissible: true, forced: forced[0] };',
        'if (leader !== undefined) return { admissible: true, forced: undefined };',
      ],
    ],
    scenario: 'consensus',
  },
  {
    name: 'one report too few is enough',
    file: 'consensus/fast-path.ts',
    edits: [['if (total < available) {', 'if (total < available - 1) {']],
    scenario: 'consensus',
  },
  {
    name: 'what a leader proposes in a later round needs no reports',
    file: 'consensus/leading.ts',
    edits: [
      [
        'if (round === 0) return { value: offer, justification: undefined };',
        'if (round >= 0) return { value: offer, justification: undefined };',
      ],
    ],
    scenario: 'consensus',
  },
  {
    name: 'a leader’s vote follows a vote that came before its proposal',
    file: 'consensus/calm-instance.ts',
    edits: [['    if (proposal === undefined && leader === this.#host.self) return false;\n', '']],
    scenario: 'consensus',
  },
  {
    name: 'a log that is written anew forgets the votes',
    file: 'actors/consensus/flushing.ts',
    edits: [['log.rewrite(engine.snapshot())', 'log.rewrite(engine.snapshot().slice(0, 0))']],
  },
  {
    name: 'a place that a disk lost is signed again',
    file: 'protocols/lanes/store.ts',
    edits: [['if (known !== undefined && known > (head?.sequence ?? 0)) {', 'if (known !== undefined && known < 0) {']],
    scenario: 'misdirected-writes',
  },
  {
    name: 'whatever is proposed for the audit log is logged',
    file: 'actors/audit-log/book.ts',
    edits: [['book.log.judge(batch, (entry) => isKnown(epoch, entry))', 'book.log.judge(batch, () => true)']],
    scenario: 'two-audit-logs',
  },
  {
    name: 'evidence names a culprit and convicts nobody',
    file: 'node/compose.ts',
    edits: [['    guilty.convict(decodeEvidence(evidence).culprit);\n', '']],
    scenario: 'liar-third',
  },
];
