// Law: a plan says where each task's bytes come from and who vouches for them; what a site computes on its own data rests on its own word.
import type { FileSource, Json, Plan, PlanTask } from '../plan/index.ts';
import { planLimits, riskOf } from '../plan/index.ts';
import type { BlobRef } from '../system/index.ts';
import type { SiteProfile } from './data.ts';
import type { Reading, TableReading } from './interpret.ts';
import { reportSkill, tableSkills } from './interpret.ts';
import type { SkillManifest } from './manifest.ts';
import type { ReportWish } from './report-words.ts';

export interface BuildContext {
  readonly manifests: readonly SkillManifest[];
  readonly fileBlobs: ReadonlyMap<string, BlobRef>;
  readonly sites: readonly SiteProfile[];
}

/** The plan for `readings`, one step each, with a report over their outputs where one is wished for. */
export function buildPlan(
  goal: string,
  title: string,
  readings: readonly Reading[],
  report: ReportWish | undefined,
  context: BuildContext,
): Plan {
  const tasks: PlanTask[] = [];
  const outputs: string[] = [];
  for (const reading of readings) {
    const fresh = tasksFor(reading, new Set(tasks.map(({ id }) => id)), context);
    tasks.push(...fresh);
    outputs.push(fresh.at(-1)!.id);
  }
  if (report?.fileName !== undefined) {
    const input = { title: report.title ?? title, fileName: report.fileName };
    tasks.push(task('report', reportSkill, input, outputsAsFiles(outputs), context));
  }
  return {
    version: 1,
    goal,
    tasks,
    result: tasks.at(-1)!.id,
    risk: riskOf(
      tasks.map(({ skill }) => skill),
      context.manifests,
    ),
  };
}

function task(
  id: string,
  skill: string,
  input: Json,
  files: Readonly<Record<string, FileSource>>,
  context: BuildContext,
): PlanTask {
  const minimum = context.manifests.find(({ name }) => name === skill)?.minimumTimeoutMs ?? 0;
  const after = Object.values(files).flatMap((source) => ('task' in source ? [source.task] : []));
  return {
    id,
    skill,
    input,
    files,
    after,
    endorsement: 'quorum',
    optional: false,
    timeoutMs: Math.max(planLimits.defaultTimeoutMs, minimum),
  };
}

function outputsAsFiles(tasks: readonly string[]): Readonly<Record<string, FileSource>> {
  return Object.fromEntries(tasks.map((id) => [`${id}.json`, { task: id }]));
}

function tasksFor(reading: Reading, taken: ReadonlySet<string>, context: BuildContext): readonly PlanTask[] {
  if (reading.kind === 'skill') {
    const files = Object.fromEntries(
      reading.data.flatMap((datum) => datum.files.map(([name, blob]) => [name, { blob }])),
    );
    return [
      task(
        freeId(reading.manifest.name.split('.').at(-1)!, taken),
        reading.manifest.name,
        reading.input as Json,
        files,
        context,
      ),
    ];
  }
  if (reading.context.sites !== undefined) return siteTasks(reading, reading.context.sites, taken, context);
  const blob = context.fileBlobs.get(reading.context.source)!;
  const input = { ...(reading.context.isOneOfMany && { table: reading.context.table }), ...reading.input };
  return [
    task(
      freeId('query', taken),
      tableSkills.query,
      input as unknown as Json,
      { [reading.context.source]: { blob } },
      context,
    ),
  ];
}

/** One aggregate at each site that holds the data set, and a merge that everyone can recompute. */
function siteTasks(
  reading: TableReading,
  sites: readonly string[],
  taken: ReadonlySet<string>,
  context: BuildContext,
): readonly PlanTask[] {
  const { aggregates = [], filter, groupBy, sort, limit } = reading.input;
  const ids = new Set(taken);
  const parts = sites.map((site): PlanTask => {
    const id = freeId(`site-${site}`, ids);
    ids.add(id);
    const input = {
      site,
      aggregates,
      ...(filter !== undefined && { filter }),
      ...(groupBy !== undefined && { groupBy }),
      ...(reading.minimumGroupSize !== undefined && { minimumGroupSize: reading.minimumGroupSize }),
    };
    return {
      ...task(id, tableSkills.aggregate, input as unknown as Json, {}, context),
      placement: { site, dataSet: reading.context.source },
      endorsement: 'site',
      optional: true,
    };
  });
  const missing = context.sites
    .filter(({ name }) => !sites.includes(name))
    .map(({ name }) => ({ site: name, reason: `holds no data set "${reading.context.source}"` }));
  const input = { aggregates, ...(sort !== undefined && { sort }), ...(limit !== undefined && { limit }), missing };
  return [
    ...parts,
    task(
      freeId('merge', ids),
      tableSkills.merge,
      input as unknown as Json,
      outputsAsFiles(parts.map(({ id }) => id)),
      context,
    ),
  ];
}

/** A task id made of `name` that `taken` lacks. */
function freeId(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 30)
    .replace(/-+$/, '');
  const base = plain === '' ? 'task' : plain;
  let id = base;
  for (let number = 2; taken.has(id); number++) id = `${base}-${number}`;
  return id;
}
