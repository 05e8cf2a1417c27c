// Law: the planner turns words into a plan or says why it will not; it starts nothing. Words and file contents are data to it: they can
// fill slots of skills the mesh has, and nothing else.
import type { Parts, Place } from '../parts/index.ts';
import { type Planning, planFromWords } from '../planner/index.ts';
import { type ActorDef, type BlobRef, defineActor, type FileProfile, type ReplyTo } from '../system/index.ts';

export type PlannerMessage =
  | {
      readonly type: 'plan';
      readonly words: string;
      readonly files: readonly { readonly name: string; readonly blob: BlobRef }[];
      readonly replyTo: ReplyTo<Planning>;
    }
  | {
      readonly type: 'profiled';
      readonly request: Extract<PlannerMessage, { type: 'plan' }>;
      readonly profiles: readonly FileProfile[];
    }
  | { readonly type: 'failed'; readonly request: Extract<PlannerMessage, { type: 'plan' }>; readonly message: string };

const profileTimeoutMs = 20_000;

export const plannerActor: ActorDef<
  PlannerMessage,
  Parts,
  { readonly parts: Parts; readonly place: Place<PlannerMessage> }
> = defineActor({
  kind: 'planner',
  start(ctx, { parts, place }) {
    place.ref = ctx.self;
    return parts;
  },
  receive(parts, message, ctx) {
    switch (message.type) {
      case 'plan':
        ctx.pipe(
          () =>
            Promise.all(
              message.files.map((file) => parts.world.sandbox.profile(file, { timeoutMs: profileTimeoutMs })),
            ),
          (profiles) => ({ type: 'profiled', request: message, profiles }),
          (error) => ({ type: 'failed', request: message, message: error.message }),
        );
        return;
      case 'profiled': {
        const { words, files, replyTo } = message.request;
        const fileBlobs = new Map(files.map(({ name, blob }) => [name, blob]));
        replyTo.send(
          planFromWords({
            words,
            files: message.profiles,
            fileBlobs,
            manifests: parts.manifests,
            sites: sitesOf(parts),
          }),
        );
        return;
      }
      case 'failed':
        message.request.replyTo.send({
          kind: 'abstain',
          reason: 'cannot-do',
          message: `the files could not be read: ${message.message}`,
          candidates: [],
          questions: [],
        });
        return;
    }
  },
});

/**
 * The sites whose nodes say that they keep data sets, with what they say of them. A site none of whose nodes was heard may keep them too:
 * it is asked, without its columns, so that an answer without its part says so.
 */
function sitesOf(parts: Parts): { name: string; dataSets: { name: string; columns: readonly string[] }[] }[] {
  const { members } = parts.chain.current;
  const heard = new Set(members.filter(({ id }) => parts.view.presence(id) !== undefined).map(({ site }) => site));
  const sites = new Map<string, Map<string, readonly string[]>>();
  for (const { id, site } of members) {
    for (const { name, columns } of parts.view.presence(id)?.dataSets ?? []) {
      const sets = sites.get(site) ?? new Map<string, readonly string[]>();
      if (columns.length > 0 || !sets.has(name)) sets.set(name, columns);
      sites.set(site, sets);
    }
  }
  const names = new Set([...sites.values()].flatMap((sets) => [...sets.keys()]));
  for (const { site } of members) {
    if (!heard.has(site) && names.size > 0) sites.set(site, new Map([...names].map((name) => [name, []])));
  }
  return [...sites]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, sets]) => ({ name, dataSets: [...sets].map(([set, columns]) => ({ name: set, columns })) }));
}
