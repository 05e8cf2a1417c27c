// Law: the engine's outputs are carried out in its order and as they are: a frame goes to those who follow as the engine made it, under the
// signature it has.
import {
  type EngineOutput,
  type Evidence,
  type InstanceId,
  instanceOfEvidence,
  type Subject,
} from '../../consensus/index.ts';
import { auditLane, chargeEvidence, encodeEvidenceEntry } from '../auditor/index.ts';
import type { Context, NodeId } from '../system/index.ts';
import { encodeFrameMessage, frameType } from './frame-message.ts';
import { forgetUnjudged, judge, questionOf } from './judging.ts';
import type { Epoch, KeeperMessage, KeeperState } from './state.ts';

const subjectsMax = 4_096;

/** What is found out meanwhile waits in the epoch's queue. */
export function perform(
  state: KeeperState,
  target: Epoch,
  outputs: readonly EngineOutput[],
  ctx: Context<KeeperMessage>,
): void {
  const { parts } = state;
  const { epoch } = target;
  for (const output of outputs) {
    switch (output.type) {
      case 'persist':
        break;
      case 'send': {
        const to = output.to === 'all' ? followersOf(parts, epoch) : [output.to];
        const message = { epoch, position: target.position, frame: output.frame };
        parts.office.direct.send(to, frameType, encodeFrameMessage(message));
        break;
      }
      case 'validate':
        judge(state, epoch, output);
        break;
      case 'timer':
        ctx.after(
          output.delayMs,
          {
            type: 'input',
            epoch,
            input: { type: 'timeout', instance: output.instance, kind: output.kind, round: output.round },
          },
          `${epoch}|${output.instance}|${output.kind}|${output.round}`,
        );
        break;
      case 'decided':
        forgetUnjudged(state, epoch, output.instance);
        questionOf(state, output.subject)?.decided(output);
        break;
      case 'vote':
        note(state, output.instance, output.subject);
        questionOf(state, output.subject)?.voted?.(output);
        break;
      case 'evidence':
        show(state, output.evidence, ctx);
        break;
      case 'refused':
        target.inputs.refused(output.from);
        parts.refusals.add(output.from, 'consensus', output.reason);
        break;
      case 'wanted':
      case 'joined':
        questionOf(state, output.subject)?.wanted?.(output.subject, epoch);
        break;
    }
  }
}

/**
 * Connected peers that vote in `epoch`, or now, and workers: one that leaves hears so only here, for nobody knows it any more then. Who only
 * listens hears of the outcome by the lanes, and is spared how it came about.
 */
function followersOf({ chain, world }: KeeperState['parts'], epoch: number): NodeId[] {
  return world.network.peers().filter((id) => chain.node(id) !== undefined || chain.node(id, epoch) !== undefined);
}

function show(state: KeeperState, evidence: Evidence, ctx: Context<KeeperMessage>): void {
  const { parts } = state;
  const subject = state.subjects.get(instanceOfEvidence(evidence));
  const workflow = subject === undefined ? undefined : questionOf(state, subject)?.workflowOf?.(subject);
  chargeEvidence(parts, evidence, workflow);
  // Outside of workflows once is enough: a member that lies about the audit log must not fill it with what it did.
  const says = `${evidence.kind} ${evidence.culprit}`;
  if (workflow === undefined && state.shown.has(says)) return;
  state.shown.add(says);
  ctx.pipe(
    () => parts.lanes.append(auditLane, encodeEvidenceEntry(evidence, workflow)),
    () => ({ type: 'suspects' }),
    (error) => {
      // The culprit is named here all the same; what was signed is on the disk.
      parts.world.log('error', 'evidence not shown to the others', { error: error.message });
      return { type: 'suspects' };
    },
  );
}

/** Evidence names its instance by hash; this says what the instance was about. */
function note(state: KeeperState, instance: InstanceId, subject: Subject): void {
  if (state.subjects.size >= subjectsMax) state.subjects.delete(state.subjects.keys().next().value!);
  state.subjects.set(instance, subject);
}
