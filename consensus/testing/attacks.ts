// Law: each scene drives the engine to the one place where a rule of its safety matters, and reports what became of agreement. With sound
// rules nothing may come of it but a delay; with the rule left out the scene ends in two decisions or in none.
import type { Crypto } from '../../actors/system/index.ts';
import type { Rules } from '../rules.ts';
import type { SignedEntry } from '../signed-entry.ts';
import { roles, Stage } from './stage.ts';

export interface SceneResult {
  readonly stage: Stage;
  /** Broken agreement, double votes, evidence against the honest. */
  readonly violations: readonly string[];
  /** All three honest members decided in time once the network was whole again. */
  readonly allDecided: boolean;
}

export type Scene = (crypto: Crypto, rules: Rules) => SceneResult;

const honest = ['a', 'b', 'c'] as const;

function finish(stage: Stage, forMs = 20_000): SceneResult {
  stage.onStatement = undefined;
  stage.arrives = () => true;
  const isDone = (): boolean => honest.every((role) => stage.decided(role) !== undefined);
  const allDecided = stage.run(stage.sim.nowMs + forMs, isDone);
  return { stage, violations: stage.sim.violations([3]), allDecided };
}

/** Leaves `a` alone with its fast decision of "v" and lets z lead round 1: c never saw the proposal, z told a one thing and the others another. */
function fastDeciderIsCutOff(crypto: Crypto, rules: Rules): Stage {
  const stage = new Stage({ crypto, rules, order: ['a', 'z', 'b', 'c'] });
  stage.arrives = (from, to) =>
    (from === 'a' && to === 'b') || (from === 'b' && to !== 'z') || (from === 'c' && to === 'b');
  for (const role of honest) stage.start(role, role === 'a' ? 'v' : `own of ${role}`);
  stage.run(15);
  stage.tell(['a'], [stage.vote('prevote', 0, stage.value('v'), stage.heard('a', 'proposal', 0))]);
  stage.run(25);
  if (stage.decided('a') !== 'v') throw new Error('the scene is not set: a has not decided');
  stage.arrives = (from, to) => from !== 'a' && to !== 'a';
  stage.votesNilWith(['c'], ['b', 'c']);
  return stage;
}

/** Once b and c are in round 1, z proposes "w" there with these reports, and votes for it. */
function zLeadsRoundOne(stage: Stage, reportsOf: (stage: Stage) => Uint8Array): void {
  stage.run(
    stage.sim.nowMs + 2_000,
    () =>
      stage.overheard.filter(({ said }) => 'kind' in said && said.kind === 'precommit' && said.round === 0).length >= 2,
  );
  stage.run(stage.sim.nowMs + 130);
  const justification = reportsOf(stage);
  const proposal = stage.proposal(1, stage.value('w'), -1, justification);
  stage.tell(['b', 'c'], [proposal], ['w'], [justification]);
  stage.run(stage.sim.nowMs + 30);
  stage.tell(['b', 'c'], [stage.vote('prevote', 1, stage.value('w'), proposal)]);
  stage.run(stage.sim.nowMs + 30);
  stage.tell(['b', 'c'], [stage.vote('precommit', 1, stage.value('w'))]);
  stage.run(stage.sim.nowMs + 30);
}

/** The missing-justification attack: "v" is decided where nobody sees it, and z proposes another value with honest-looking reports. */
export const isolatedFastDecider: Scene = (crypto, rules) => {
  const stage = fastDeciderIsCutOff(crypto, rules);
  zLeadsRoundOne(stage, (s) =>
    s.reports(
      [s.heard('b', 'prevote', 0), s.heard('c', 'prevote', 0), s.vote('prevote', 0, null)],
      [s.heard('a', 'proposal', 0)],
    ),
  );
  return finish(stage);
};

/** The same with the one report left out that shows "v". */
export const cherryPickedReports: Scene = (crypto, rules) => {
  const stage = fastDeciderIsCutOff(crypto, rules);
  zLeadsRoundOne(stage, (s) => s.reports([s.heard('c', 'prevote', 0), s.vote('prevote', 0, null)]));
  return finish(stage);
};

/** The leader of round 0 lies: "v" to a and b, "w" to c. a decides fast and is cut off; the others are left with one report of each. */
export const equivocatingLeader: Scene = (crypto, rules) => {
  const stage = new Stage({ crypto, rules, order: ['z', 'c', 'b', 'a'] });
  stage.arrives = (from, to) => from === 'b' && to === 'a';
  for (const role of honest) stage.start(role, `own of ${role}`);
  const [v, w] = [stage.proposal(0, stage.value('v')), stage.proposal(0, stage.value('w'))];
  const prevote = (text: string, proposal: SignedEntry) => stage.vote('prevote', 0, stage.value(text), proposal);
  stage.tell(['a'], [v, prevote('v', v)], ['v']);
  stage.tell(['b'], [v], ['v']);
  stage.tell(['c'], [w, prevote('w', w)], ['w']);
  stage.run(15);
  if (stage.decided('a') !== 'v') throw new Error('the scene is not set: a has not decided');
  stage.arrives = (from, to) => from !== 'a' && to !== 'a';
  stage.tell(['b'], [prevote('w', w)]);
  stage.votesNilWith(['b', 'c'], ['b', 'c'], 1);
  stage.onStatement = ((inner) => (role, said) => {
    inner?.(role, said);
    if ('kind' in said && said.kind === 'precommit' && said.round === 0)
      stage.sim.at(stage.sim.nowMs + 1, () => stage.tell(['b', 'c'], [stage.vote('precommit', 0, null)]));
    if (!('kind' in said) && said.round > 0) {
      // Whatever an honest leader proposes now, z supports.
      stage.sim.at(stage.sim.nowMs + 1, () =>
        stage.tell(
          ['b', 'c'],
          [
            stage.vote('prevote', said.round, said.value, stage.heard(role, 'proposal', said.round)),
            stage.vote('precommit', said.round, said.value),
          ],
        ),
      );
    }
  })(stage.onStatement);
  stage.run(stage.sim.nowMs + 1_500);
  return finish(stage);
};

/** From here on nothing of the round's precommits arrives but b's at a, so that a alone can commit. */
function onlyACommits(stage: Stage, round: number): void {
  stage.onStatement = (_role, said) => {
    if (isVote(said, 'precommit', round)) stage.arrives = (from, to) => from === 'b' && to === 'a';
  };
  stage.run(stage.sim.nowMs + 3_000, () => precommitted(stage, round) === 3);
  stage.run(stage.sim.nowMs + 15);
  stage.tell(['a'], [stage.vote('precommit', round, stage.value('v'))]);
  if (stage.decided('a') !== 'v') throw new Error('the scene is not set: a has not decided');
  stage.arrives = (from, to) => from !== 'a' && to !== 'a';
  stage.tell(['b', 'c'], [stage.vote('precommit', round, null)]);
  stage.votesNilWith(['b', 'c'], ['b', 'c'], round + 1);
}

/** "v" is committed in round 1 at a alone while b and c are locked on it; z leads round 2 and proposes "w". */
export const lockedOut: Scene = (crypto, rules) => {
  const stage = new Stage({ crypto, rules, order: ['c', 'a', 'z', 'b'], budget: { f: 1, c: 0, p: 0 } });
  stage.start('a', 'v');
  stage.start('b');
  stage.start('c');
  onlyACommits(stage, 1);
  return zProposes(stage, 2, stage.reports(honest.map((role) => stage.heard(role, 'prevote', 0))), -1);
};

/** As before, but z leads round 1 itself, and in round 5 justifies "w" by a polka of round 0, older than the lock of round 1. */
export const olderPolka: Scene = (crypto, rules) => {
  const stage = new Stage({ crypto, rules, order: ['a', 'z', 'b', 'c'], budget: { f: 1, c: 0, p: 0 } });
  // Round 0: a and b prevote "w"; with z's prevote that is a polka, which nobody but z can show.
  stage.arrives = (from, to) => from !== 'a' || to === 'b';
  stage.start('a', 'w');
  stage.start('b');
  stage.start('c');
  stage.onStatement = (_role, said) => {
    if (isVote(said, 'prevote', 0)) stage.tell(['b', 'c'], [stage.vote('prevote', 0, null)]);
    if (isVote(said, 'precommit', 0)) stage.tell(honest, [stage.vote('precommit', 0, null)]);
    if (isVote(said, 'precommit', 0)) stage.arrives = () => true;
  };
  stage.run(2_000, () => precommitted(stage, 0) >= 2);
  stage.run(stage.sim.nowMs + 150);
  // Round 1: z proposes "v" with reports that leave the choice; everybody locks it and a commits it alone.
  const proposed = stage.heard('a', 'proposal', 0);
  const free = stage.reports(
    [stage.heard('b', 'prevote', 0), stage.heard('c', 'prevote', 0), stage.vote('prevote', 0, null)],
    [proposed],
  );
  const v = stage.proposal(1, stage.value('v'), -1, free);
  stage.tell(honest, [v, stage.vote('prevote', 1, stage.value('v'), v)], ['v'], [free]);
  onlyACommits(stage, 1);
  // Rounds 2 to 4 find no quorum; in round 5 z leads again.
  const polka = [
    stage.heard('a', 'prevote', 0),
    stage.heard('b', 'prevote', 0),
    stage.vote('prevote', 0, stage.value('w'), proposed),
  ];
  stage.run(stage.sim.nowMs + 10_000, () => stage.overheard.some(({ said }) => said.round === 4));
  return zProposes(stage, 5, stage.polka(0, stage.value('w'), polka), 0);
};

/** The leader of round 0 proposes "v" to a and b and "w" to c, and is silent ever after: nothing is decided, and everything reported. */
export const twoProposals: Scene = (crypto, rules) => {
  const stage = new Stage({ crypto, rules, order: ['z', 'a', 'b', 'c'] });
  for (const role of honest) stage.start(role, `own of ${role}`);
  stage.tell(['a', 'b'], [stage.proposal(0, stage.value('v'))], ['v']);
  stage.tell(['c'], [stage.proposal(0, stage.value('w'))], ['w']);
  return finish(stage);
};

/** z prevotes "v" twice, in two wordings; with a's own prevote that is three messages and two members. */
function wordings(crypto: Crypto, rules: Rules, p: number): SceneResult {
  const stage = new Stage({ crypto, rules, order: ['a', 'b', 'c', 'z'], budget: { f: 1, c: 0, p } });
  stage.arrives = () => false;
  for (const role of honest) stage.start(role, `${role === 'a' ? 'v' : `own of ${role}`}`);
  stage.run(15);
  const worded = [stage.heard('a', 'proposal', 0), stage.heard('a', 'prevote', 0)].map((named) =>
    stage.vote('prevote', 0, stage.value('v'), named),
  );
  stage.tell(['a'], worded);
  stage.run(stage.sim.nowMs + 90);
  return finish(stage);
}
/** Three would be a polka. */
export const twoWordings: Scene = (crypto, rules) => wordings(crypto, rules, 0);
/** Three would decide. */
export const twoFastWordings: Scene = (crypto, rules) => wordings(crypto, rules, 1);

/** z lets only b see a polka in round 1 and is silent ever after: b is locked alone, and nobody hears of it before round 2 is under way. */
export const hiddenLock: Scene = (crypto, rules) => {
  const stage = new Stage({ crypto, rules, order: ['b', 'z', 'c', 'a'], budget: { f: 1, c: 0, p: 0 } });
  stage.start('a', 'own of a');
  stage.start('b');
  stage.start('c', 'own of c');
  stage.run(3_000, () => precommitted(stage, 0) === 3);
  stage.run(stage.sim.nowMs + 120);
  const reports = stage.reports(honest.map((role) => stage.heard(role, 'prevote', 0)));
  const v = stage.proposal(1, stage.value('v'), -1, reports);
  stage.tell(['a', 'b'], [v], ['v'], [reports]);
  stage.onStatement = (_role, said) => {
    if (isVote(said, 'precommit', 1)) stage.arrives = (from) => from !== 'b';
    if (!('kind' in said) && said.round === 2) stage.arrives = () => true;
  };
  stage.run(stage.sim.nowMs + 15);
  stage.tell(['b'], [stage.vote('prevote', 1, stage.value('v'), v)]);
  if (precommitted(stage, 1) !== 1) throw new Error('the scene is not set: b has not locked alone');
  // With z's precommit the others have a quorum without b's, and go on to round 2.
  stage.tell(['a', 'c'], [stage.vote('precommit', 1, null)]);
  stage.run(stage.sim.nowMs + 3_000, () => stage.overheard.some(({ said }) => !('kind' in said) && said.round === 2));
  return finish(stage);
};

/** z votes for "w" in the name of a proposal that a, which leads, has not made yet: a's own vote is for what it proposes then. */
export const voteBeforeProposal: Scene = (crypto, rules) => {
  const stage = new Stage({ crypto, rules, order: ['a', 'b', 'c', 'z'] });
  const foreign = stage.proposal(0, stage.value('w'), -1, undefined, stage.mesh.identities[roles.a]!);
  stage.tell(honest, [stage.vote('prevote', 0, stage.value('w'), foreign)]);
  for (const role of honest) stage.start(role, `v of ${role}`);
  const { violations, allDecided } = finish(stage);
  const isFooled = stage.overheard.some(({ said }) => said.value === stage.value('w'));
  return {
    stage,
    violations: isFooled ? [...violations, 'a leader voted for what it did not propose'] : violations,
    allDecided,
  };
};

/** z proposes and supports "w" in `round` as soon as b and c are there. */
function zProposes(stage: Stage, round: number, justification: Uint8Array, polkaRound: number): SceneResult {
  const proposal = stage.proposal(round, stage.value('w'), polkaRound, justification);
  stage.tell(['b', 'c'], [proposal], ['w'], [justification]);
  const supports = [
    stage.vote('prevote', round, stage.value('w'), proposal, polkaRound),
    stage.vote('precommit', round, stage.value('w')),
  ];
  for (let step = 0; step < 20; step++) {
    stage.run(stage.sim.nowMs + 100);
    stage.tell(['b', 'c'], supports);
  }
  return finish(stage);
}

function precommitted(stage: Stage, round: number): number {
  return stage.overheard.filter(({ said }) => isVote(said, 'precommit', round)).length;
}

function isVote(said: object, kind: string, round: number): boolean {
  return 'kind' in said && said.kind === kind && 'round' in said && said.round === round;
}
