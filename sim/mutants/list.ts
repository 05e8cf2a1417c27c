// Law: each mutant is one mistake a person could make, as an exact edit of today's code; an edit that no longer fits is an error, never a
// mutant that "survived". They are planted in a copy of the repository and nowhere else.

import { roleMutants } from './list-roles.ts';
import { ruleMutants } from './list-rules.ts';
import type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  {
    name: 'a quorum is one vote short',
    file: 'consensus/quorum.ts',
    edits: [['quorum, available: totalWeight', 'quorum: quorum - 1, available: totalWeight']],
  },
  {
    name: 'the fast path takes a plain quorum',
    file: 'consensus/quorum.ts',
    edits: [['fast: totalWeight - p }', 'fast: quorum - 1 }']],
  },
  {
    name: 'votes are not made durable',
    file: 'actors/consensus/log.ts',
    edits: [['      await file.sync();\n', '']],
  },
  {
    name: 'votes are sent before they are durable',
    file: 'actors/consensus/flushing.ts',
    edits: [
      ['    target.isFlushing = true;\n', '    target.isFlushing = true;\n    perform(state, target, outputs, ctx);\n'],
      ["({ type: 'flushed', epoch, outputs }),", "({ type: 'flushed', epoch, outputs: [] }),"],
    ],
    scenario: 'die-as-votes-are-written',
  },
  {
    name: 'a restarted node forgets what it voted',
    file: 'actors/consensus/epochs.ts',
    edits: [["    for (const record of log.takeRecords()) engine.handle({ type: 'restore', record });\n", '']],
  },
  {
    name: 'a lock is not looked at',
    file: 'consensus/core.ts',
    edits: [['state.lockedRound === -1 || state.lockedValue === input.value ? input.value : null);', 'input.value);']],
    scenario: 'consensus',
  },
  {
    name: 'nothing is said again',
    file: 'consensus/pacer.ts',
    edits: [['    this.#host.afterSeal(() => this.#repeat(core(), undefined));\n', '']],
  },
  {
    name: 'a round that nobody leads is waited for without end',
    file: 'consensus/pacer.ts',
    edits: [['    if (!this.once(kind)) return;\n', "    if (!this.once(kind) || kind === 'propose') return;\n"]],
  },
  {
    name: 'a batch is taken without its signature',
    file: 'consensus/signed-entry.ts',
    edits: [
      [
        'return crypto.verify(publicKeyOf(batch.signer), signedMessage(tree.root), batch.signature)',
        'return publicKeyOf(batch.signer).length > 0',
      ],
    ],
  },
  {
    name: 'what cannot be judged yet is judged again at once, without end',
    file: 'actors/consensus/judging.ts',
    edits: [['of [...state.unjudged])', 'of state.unjudged)']],
  },
  {
    name: 'whatever is proposed is voted for',
    file: 'actors/verdict/verdict-question.ts',
    edits: [
      [
        '    judge(subject, payload, epoch) {\n',
        '    judge(subject, payload, epoch) {\n      if (epoch >= 0) return { ok: true };\n',
      ],
    ],
  },
  {
    name: 'a verifier says yes to everything',
    file: 'consensus/relation.ts',
    edits: [['const no: Judgement = { verdict: -1, score: 0 };', 'const no: Judgement = { verdict: 1, score: 0 };']],
  },
  {
    name: 'one word is enough for a draft',
    file: 'actors/workflow/draft.ts',
    edits: [
      [
        'return backing.weight >= (endorsingWeight(config) ?? Number.POSITIVE_INFINITY);',
        'return backing.weight >= Math.min(1, endorsingWeight(config) ?? 1);',
      ],
    ],
  },
  {
    name: 'nobody ever says that time is up',
    file: 'actors/verdict/verdict.ts',
    edits: [['  if (!isOverdue && !(waitedMs', '  if (waitedMs >= 0) return;\n  if (!isOverdue && !(waitedMs']],
  },
  {
    name: 'a decision in a log is believed without its certificate',
    file: 'actors/workflow/fold.ts',
    edits: [
      [
        'if (!check.ok) throw new MalformedBytes(`a certificate that does not hold',
        'if (check === undefined) throw new MalformedBytes(`a certificate that does not hold',
      ],
    ],
  },
  {
    name: 'log entries are taken without their signature',
    file: 'protocols/lanes/ingest.ts',
    edits: [
      ["    if (!verifyEntry(entry, crypto)) return refuse('signature', 'its author did not sign these bytes');\n", ''],
    ],
  },
  {
    name: 'log entries are told before they are durable',
    file: 'protocols/lanes/commit.ts',
    edits: [
      [
        '        if (changes.length > 0) await keyValue.write(changes);\n',
        '        options.apply(view);\n        if (changes.length > 0) await keyValue.write(changes);\n',
      ],
      [
        '      options.apply(view);\n      for (const job of planned) job.done();',
        '      for (const job of planned) job.done();',
      ],
    ],
  },
  {
    name: 'logs are pushed and never compared',
    file: 'actors/memory/memory.ts',
    edits: [
      [
        'if (peers.length > 0) await digest(peers[world.random.below(peers.length)]!);',
        'if (peers.length < 0) await digest(peers[0]!);',
      ],
    ],
  },
  {
    name: 'a holder says yes before it holds',
    file: 'actors/memory/memory.ts',
    edits: [
      [
        '  if (!(await isOpened(parts, workflow, waits)))',
        '  if (waits.size >= 0) return { held: true };\n  if (!(await isOpened(parts, workflow, waits)))',
      ],
    ],
  },
  {
    name: 'a site’s own word convicts its other nodes',
    file: 'actors/auditor/dissent.ts',
    edits: [["  if (decision.endorsement.rule === 'site') return [];\n", '']],
    scenario: 'site-beside-a-liar',
  },
  {
    name: 'evidence about the audit log is shown without end',
    file: 'actors/consensus/performing.ts',
    edits: [
      [
        'if (workflow === undefined && state.shown.has(says)) return;',
        'if (workflow === undefined && says === undefined) return;',
      ],
    ],
  },
  {
    name: 'a hostile cosignature is this program’s own fault',
    file: 'actors/audit-log/actor.ts',
    edits: [
      [
        "            if (!(error instanceof MalformedBytes)) throw error;\n            parts.refusals.add(from, 'audit', error.message);\n",
        '            throw error;\n',
      ],
    ],
  },
  {
    name: 'a gateway trusts that another’s opening is known to all',
    file: 'node/gateway/open-workflow.ts',
    edits: [
      [
        'const isMine = known !== undefined && (known.ended !== undefined || known.openedBy.has(parts.identity.id));',
        'const isMine = known !== undefined;',
      ],
    ],
  },
  {
    name: 'a time-out of the proposal is not acted on',
    file: 'consensus/core.ts',
    edits: [["  if (kind === 'propose' && state.step === 'propose') return prevote(state, null); // line 57\n", '']],
  },
  {
    name: 'a polka does not lock',
    file: 'consensus/core.ts',
    edits: [
      [
        'return precommit({ ...valid, lockedValue: input.value, lockedRound: state.round }, input.value);',
        'return precommit(valid, input.value);',
      ],
    ],
    scenario: 'consensus',
  },
  {
    name: 'a certificate is made one vote short',
    file: 'consensus/certificate.ts',
    edits: [
      [
        'const needed = weightNeeded(about.kind, thresholdsIn(epoch, about.subject.domain));\n  const chosen',
        'const needed = weightNeeded(about.kind, thresholdsIn(epoch, about.subject.domain)) - 1;\n  const chosen',
      ],
    ],
  },
  {
    name: 'a certificate’s votes stand in the order of their arrival',
    file: 'consensus/certificate.ts',
    edits: [
      [
        'for (const vote of [...votes].sort((a, b) => compareText(a.signer, b.signer))) {',
        'for (const vote of [...votes].reverse()) {',
      ],
    ],
  },
  {
    name: 'nobody is ever suspected',
    file: 'protocols/membership/detector.ts',
    edits: [
      ['silent: (member, nowMs) => void members.suspect(member, self, nowMs),', 'silent: () => {},'],
      ["          } else if (member?.state === 'alive') members.suspect(member, self, nowMs);\n", '          }\n'],
    ],
  },
  {
    name: 'a suspicion of oneself is not answered',
    file: 'protocols/membership/detector.ts',
    edits: [
      [
        '    assert(record.incarnation);\n    send(from,',
        '    if (earlierLife) assert(record.incarnation);\n    send(from,',
      ],
      ['      assert(own.record.incarnation);\n      tell.push', '      tell.push'],
    ],
  },
  {
    name: 'a torn end of the log of votes is left in it',
    file: 'actors/consensus/log.ts',
    edits: [["  if (reading.verdict === 'torn-tail') await file.truncate(reading.validBytes);\n", '']],
    scenario: 'disk-chaos',
  },
  ...roleMutants,
  ...ruleMutants,
];
