// Law: a plan that passes here names only skills that exist, with inputs they accept, in an order that can be carried out,
// and does not hide what it may do.
import type { SkillManifest } from '../planner/index.ts';
import { canonicalBytes } from './canonical.ts';
import { nearestName } from './nearest.ts';
import type { Plan, PlanDraft, Risk } from './plan.ts';
import { planLimits, risks } from './plan.ts';
import type { Path, PlanProblem } from './shape.ts';
import { schemaProblems, shapeProblems } from './shape.ts';
import { findCycle } from './waves.ts';

const riskOfEffects: Readonly<Record<SkillManifest['effects'], Risk>> = {
  none: 'read-only',
  'writes-workflow-folder': 'writes',
  network: 'external',
  destructive: 'destructive',
};

/** The risk of a plan is that of its riskiest skill. Skills without a manifest count as nothing: `validatePlan` names them. */
export function riskOf(skills: Iterable<string>, manifests: readonly SkillManifest[]): Risk {
  let worst = 0;
  for (const name of skills) {
    const manifest = manifests.find((candidate) => candidate.name === name);
    if (manifest !== undefined) worst = Math.max(worst, risks.indexOf(riskOfEffects[manifest.effects]));
  }
  return risks[worst]!;
}

/** Everything that is wrong with a plan; an empty list means that it may be carried out. Never throws. */
export function validatePlan(plan: Plan, manifests: readonly SkillManifest[]): readonly PlanProblem[] {
  return validate(plan, 'plan', manifests);
}

/** As `validatePlan`, for a plan whose files may still be paths. */
export function validateDraft(draft: PlanDraft, manifests: readonly SkillManifest[]): readonly PlanProblem[] {
  return validate(draft, 'draft', manifests);
}

function validate(
  plan: PlanDraft,
  kind: 'plan' | 'draft',
  manifests: readonly SkillManifest[],
): readonly PlanProblem[] {
  const shape = shapeProblems(plan, kind);
  if (shape.length > 0) return shape;
  const problems: PlanProblem[] = [];
  const ids = new Set(plan.tasks.map(({ id }) => id));
  const seen = new Set<string>();
  for (const [index, task] of plan.tasks.entries()) {
    const add = (message: string, path: Path = [], atKey = false): void => {
      problems.push({ path: ['tasks', index, ...path], atKey, task: task.id, message });
    };
    if (seen.has(task.id)) add(`the id "${task.id}" is used twice; ids are unique in a plan`, ['id']);
    seen.add(task.id);
    checkOrder(task, ids, add);
    if (task.placement !== undefined && task.endorsement !== 'site') {
      add(
        `is placed at site "${task.placement.site}", whose data does not travel: only "endorsement: site" is possible`,
        ['endorsement'],
      );
    }
    if (task.placement === undefined && task.endorsement === 'site')
      add('"endorsement: site" needs a placement that names the site', ['endorsement']);
    const manifest = manifests.find(({ name }) => name === task.skill);
    if (manifest === undefined) {
      const near = nearestName(
        task.skill,
        manifests.map(({ name }) => name),
      );
      add(
        `unknown skill "${task.skill}"; ${near === undefined ? `known are ${manifests.map(({ name }) => name).join(', ')}` : `did you mean "${near}"?`}`,
        ['skill'],
      );
      continue;
    }
    checkCall(task, manifest, add);
    if (!manifest.deterministic)
      add(`"${manifest.name}" is what members judge by; it stands in a relation, not in a task`, ['skill']);
    if (manifest.isJudged === true && task.relation?.kind !== 'judges')
      add(`${manifest.name} needs judges: relation: { kind: judges, atLeast: 2 }`, ['relation']);
    checkJudges(task, manifests, add);
  }
  if (!ids.has(plan.result)) {
    const near = nearestName(plan.result, ids);
    problems.push({
      path: ['result'],
      atKey: false,
      message: `the result names no task "${plan.result}"${near === undefined ? '' : `; did you mean "${near}"?`}`,
    });
  } else if (plan.tasks.find(({ id }) => id === plan.result)?.optional === true) {
    problems.push({
      path: ['result'],
      atKey: false,
      message: `the result task "${plan.result}" is optional; the answer must not be`,
    });
  }
  const cycle = findCycle(plan.tasks);
  if (cycle !== undefined) {
    const index = plan.tasks.findIndex(({ id }) => id === cycle[0]);
    problems.push({
      path: ['tasks', index, 'after'],
      atKey: false,
      task: cycle[0]!,
      message: `waits for itself: ${[...cycle, cycle[0]].join(' → ')}`,
    });
  }
  const needed = riskOf(
    plan.tasks.map(({ skill }) => skill),
    manifests,
  );
  if (risks.indexOf(needed) > risks.indexOf(plan.risk)) {
    const worst = plan.tasks.find(({ skill }) => riskOf([skill], manifests) === needed)!;
    problems.push({
      path: ['risk'],
      atKey: false,
      message: `the plan declares risk "${plan.risk}" but "${worst.skill}" is "${needed}"`,
    });
  }
  if (canonicalBytes(plan).length > planLimits.planBytes) {
    problems.push({ path: [], atKey: false, message: `the plan is larger than ${planLimits.planBytes} bytes` });
  }
  return problems;
}

type Task = PlanDraft['tasks'][number];
type Add = (message: string, path?: Path, atKey?: boolean) => void;

function checkOrder(task: Task, ids: ReadonlySet<string>, add: Add): void {
  const unknown = (id: string, path: Path): void => {
    const near = nearestName(id, ids);
    add(`unknown task "${id}"${near === undefined ? '' : `; did you mean "${near}"?`}`, path);
  };
  for (const [position, id] of task.after.entries()) if (!ids.has(id)) unknown(id, ['after', position]);
  for (const [file, source] of Object.entries(task.files)) {
    if (!('task' in source)) continue;
    if (!ids.has(source.task)) unknown(source.task, ['files', file]);
    else if (!task.after.includes(source.task))
      add(`reads the output of "${source.task}" without waiting for it; add it to "after"`, ['files', file]);
  }
}

function checkCall(task: Task, manifest: SkillManifest, add: Add): void {
  for (const problem of schemaProblems(task.input, manifest.input)) {
    add(`input of ${manifest.name}: ${problem.message}`, ['input', ...problem.path], problem.atKey);
  }
  if (canonicalBytes(task.input).length > planLimits.inputBytes)
    add(`the input is larger than ${planLimits.inputBytes} bytes`, ['input']);
  if (task.timeoutMs < manifest.minimumTimeoutMs) {
    add(`timeoutMs ${task.timeoutMs} is less than the ${manifest.minimumTimeoutMs} ms that ${manifest.name} needs`, [
      'timeoutMs',
    ]);
  }
  // A site's private data set stands in for one file.
  const count = Object.keys(task.files).length + (task.placement === undefined ? 0 : 1);
  const required = manifest.files.filter((slot) => slot.required);
  if (count < required.length) {
    add(
      `${manifest.name} needs ${required.length === 1 ? 'a file' : `${required.length} files`} (${required.map(({ slot, formats }) => `${slot}: ${formats.join(', ')}`).join('; ')}) and has ${count}`,
      ['files'],
    );
  }
  if (manifest.files.length === 0 && count > 0) add(`${manifest.name} takes no files`, ['files']);
  else if (!manifest.files.some(({ many }) => many === true) && count > manifest.files.length) {
    add(
      `${manifest.name} takes at most ${manifest.files.length} ${manifest.files.length === 1 ? 'file' : 'files'} and has ${count}`,
      ['files'],
    );
  }
}

/** Whoever judges is a skill like any other: it must be there and take the input it is given. */
function checkJudges({ relation }: Task, manifests: readonly SkillManifest[], add: Add): void {
  if (relation?.kind !== 'judges') return;
  const judge = manifests.find(({ name }) => name === relation.skill);
  if (judge === undefined) {
    const names = manifests.map(({ name }) => name);
    const near = nearestName(relation.skill, names);
    const hint = near === undefined ? `known are ${names.join(', ')}` : `did you mean "${near}"?`;
    add(`unknown skill "${relation.skill}" as judge; ${hint}`, ['relation', 'skill']);
    return;
  }
  for (const problem of schemaProblems(relation.input ?? {}, judge.input))
    add(`input of ${judge.name}: ${problem.message}`, ['relation', 'input', ...problem.path], problem.atKey);
}

/** One line for people: `task "total": unknown skill …`. */
export function problemText(problem: PlanProblem): string {
  return problem.task === undefined ? problem.message : `task "${problem.task}": ${problem.message}`;
}
