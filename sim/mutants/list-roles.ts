// Law: as list.ts: mistakes in the roles, in what a node is made of, and in what it does outside of the mesh.
import type { Mutant } from './mutant.ts';

export const roleMutants: readonly Mutant[] = [
  {
    name: 'only the first steward ever drives',
    file: 'actors/steward/stewards.ts',
    edits: [
      ['const live = watch.order.filter((id) => parts.view.isLive(id));', 'const live = watch.order.slice(0, 1);'],
    ],
  },
  {
    name: 'a steward that has assigned a task never asks again',
    file: 'actors/steward/steward.ts',
    edits: [
      [
        'if (asked.length === 0 && attemptRecord?.assignedAtMs !== undefined) continue;',
        'if (attemptRecord?.assignedAtMs !== undefined) continue;',
      ],
    ],
    scenario: 'tools-break',
  },
  {
    name: 'a steward tells nobody what was decided',
    file: 'actors/steward/steward.ts',
    edits: [['  publishDecisions(state, record, ctx);\n  if (record.opened', '  if (record.opened']],
    scenario: 'those-without-a-vote',
  },
  {
    name: 'who only listens never asks for the audit log',
    file: 'actors/audit-log/actor.ts',
    edits: [['if (!votes(identity.id)) watched.push(epoch);', 'if (!votes(identity.id)) continue;']],
    scenario: 'those-without-a-vote',
  },
  {
    name: 'a supervisor has patience without end',
    file: 'actors/system/supervisor/model.ts',
    edits: [['return this.restartTimesMs.length <= this.rules.intensity;', 'return this.restartTimesMs.length > 0;']],
    scenario: 'disk-dies',
  },
  {
    name: 'a supervisor gives up one restart too early',
    file: 'actors/system/supervisor/model.ts',
    edits: [
      [
        'return this.restartTimesMs.length <= this.rules.intensity;',
        'return this.restartTimesMs.length < this.rules.intensity;',
      ],
    ],
    scenario: 'disk-dies',
  },
  {
    name: 'a node that stops forgets a timer',
    file: 'node/compose.ts',
    edits: [['      positions.close();\n', '']],
    scenario: 'rolling-restart',
  },
  {
    name: 'an effect is carried out from the first candidate there is',
    file: 'node/files/effects.ts',
    edits: [
      [
        '    const ref = resultBlob(status.certified.decision)!;\n',
        "    const [first] = record.tasks.get(task.id)!.attempts.get(status.attempt)!.candidates.values();\n    const ref =\n      first === undefined\n        ? resultBlob(status.certified.decision)!\n        : { digest: Buffer.from(first.candidate.resultDigest).toString('hex'), sizeBytes: first.candidate.sizeBytes };\n",
      ],
    ],
    scenario: 'effects-beside-a-liar',
  },
  {
    name: 'a cancellation is over on words that others only join on',
    file: 'actors/workflow/record.ts',
    edits: [
      ['> 2 * config.f;', '> config.f;'],
      ['(config.f === 0 || openedBy.size === 1) && ', ''],
    ],
    scenario: 'cancelled-for-some',
  },
  {
    name: 'evidence in a log is charged to nobody',
    file: 'actors/auditor/evidence.ts',
    edits: [
      [
        '    chargeEvidence(parts, evidence, workflow === undefined ? undefined : board.get(workflow)?.workflow);\n',
        '    board.get(workflow ?? "");\n',
      ],
    ],
  },
  {
    name: 'nobody proposes that a convicted member goes',
    file: 'actors/epochs/removal.ts',
    edits: [['(guilty.has(id) && id !== identity.id)', '(guilty.has(id) && id === identity.id)']],
    scenario: 'liar-third',
  },
  {
    name: 'a used ticket lets another node in',
    file: 'actors/epochs/invites.ts',
    edits: [
      ['invite.usedBy !== undefined && invite.usedBy !== by', "invite.usedBy !== undefined && invite.usedBy === ''"],
    ],
    scenario: 'join-storm',
  },
  {
    name: 'a ticket has no end',
    file: 'actors/epochs/invites.ts',
    edits: [['clock.wallMs() > invite.expiresAtMs)', 'clock.wallMs() > 2 * invite.expiresAtMs)']],
    scenario: 'join-storm',
  },
  {
    name: 'a worker’s ticket makes a member',
    file: 'actors/epochs/admission.ts',
    edits: [['operator, modelFamily }, redeemed.role);', "operator, modelFamily }, 'member');"]],
    scenario: 'join-storm',
  },
];
