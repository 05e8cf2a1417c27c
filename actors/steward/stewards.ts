// Law: for every running workflow exactly the node that is first among the live in its rendezvous order drives it; when the order of the
// living changes, the driving moves, and the record is all the new steward needs. Also bids for work that other stewards offer.
import { rendezvous } from '../../protocols/membership/index.ts';
import type { Parts } from '../parts/index.ts';
import { type ActorDef, type ActorRef, type Context, defineActor, type NodeId } from '../system/index.ts';
import type { Workload } from '../worker/index.ts';
import type { WorkflowRecord } from '../workflow/index.ts';
import { offerTask } from './messages.ts';
import { type StewardMessage, stewardActor } from './steward.ts';

export type StewardsMessage = { readonly type: 'look' };

export interface StewardsArgs {
  readonly parts: Parts;
  readonly workload: Workload;
}

interface StewardsState extends StewardsArgs {
  readonly driving: Map<string, ActorRef<StewardMessage>>;
  readonly leave: readonly (() => void)[];
}

const lookPeriodMs = 250;
/** An ended workflow whose last decision has not reached the lane yet is driven until it has. */
const isFinished = (record: WorkflowRecord): boolean =>
  record.ended !== undefined &&
  [...record.tasks.values()].every(({ attempts }) =>
    [...attempts.values()].every(({ certified, isPublished }) => certified === undefined || isPublished),
  );

export const stewardsActor: ActorDef<StewardsMessage, StewardsState, StewardsArgs> = defineActor({
  kind: 'stewards',
  mailbox: { capacity: 64, overflow: 'dropNewest' },
  start(ctx, { parts, workload }) {
    const look = (): void => void ctx.self.tell({ type: 'look' });
    const leave = [
      parts.board.onChange(look),
      parts.view.onChange(look),
      parts.office.answer(offerTask, async (offer) => {
        const { skill, files, placement } = offer;
        const no = (reason: string) => ({ willing: false, reason, load: workload.load(), missingFiles: 0 });
        if (!parts.manifests.some(({ name }) => name === skill)) return no(`this node has no skill ${skill}`);
        if (placement !== undefined && parts.chain.member(parts.identity.id)?.site !== placement.site)
          return no(`this node is not at ${placement.site}`);
        const load = workload.load();
        workload.reserve(`${offer.workflow}|${offer.task}|${offer.attempt}`);
        const held = await Promise.all(files.map((digest) => parts.blobs.has(digest)));
        return { willing: true, load, missingFiles: held.filter((has) => !has).length };
      }),
    ];
    ctx.every(lookPeriodMs, { type: 'look' }, 'look');
    look();
    return { parts, workload, driving: new Map(), leave };
  },
  receive(state, _message, ctx) {
    const { parts, driving } = state;
    for (const record of parts.board.all()) {
      if (record.opened === undefined || isFinished(record)) continue;
      const steward = stewardOf(parts, record);
      if (steward !== undefined && record.ended === undefined)
        parts.events.emit(record.workflow, {
          key: `steward|${steward}`,
          atMs: parts.world.clock.wallMs(),
          type: 'steward',
          node: parts.chain.nameOf(steward),
        });
      if (steward === parts.identity.id && !driving.has(record.workflow)) drive(state, record.workflow, ctx);
    }
    for (const [workflow, ref] of driving) {
      const record = parts.board.get(workflow);
      if (record !== undefined && !isFinished(record) && stewardOf(parts, record) === parts.identity.id) continue;
      driving.delete(workflow);
      ctx.stop(ref);
    }
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') for (const leave of state.leave) leave();
    // A steward that crashed for good is spawned afresh by the next look.
    if (signal.type === 'down')
      for (const [workflow, ref] of state.driving) if (ref === signal.ref) state.driving.delete(workflow);
  },
});

function drive(state: StewardsState, workflow: string, ctx: Context<StewardsMessage>): void {
  const { parts, driving } = state;
  const ref = ctx.spawn(stewardActor, { parts, workflow });
  ctx.monitor(ref);
  driving.set(workflow, ref);
}

/** The steward as this node sees it; another node may see another for a while. */
export function stewardOf(parts: Pick<Parts, 'chain' | 'view' | 'world'>, record: WorkflowRecord): NodeId | undefined {
  const config = parts.chain.config(record.opened?.epoch ?? -1);
  if (config === undefined) return undefined;
  return rendezvous(
    record.workflow,
    config.members.map(({ id }) => id),
    parts.world.crypto,
  ).find((id) => parts.view.isLive(id));
}
