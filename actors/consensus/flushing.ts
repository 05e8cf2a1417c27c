// Law: whatever the engine wants persisted is durable before anything after it is carried out; inputs that come meanwhile are handled
// together, under one write and one signature. Between two calls with what peers said, they and the disk have their turn.
import type { EngineInput } from '../../consensus/index.ts';
import type { Context } from '../system/index.ts';
import { perform } from './performing.ts';
import { sealPosition } from './position.ts';
import type { Epoch, KeeperMessage, KeeperState } from './state.ts';

/** Long beside the few frames that are heard after it, short beside a round. */
const restMs = 10;

/** Of an input of this node's own. */
export function submit(state: KeeperState, epoch: number, input: EngineInput, ctx: Context<KeeperMessage>): void {
  const target = state.epochs.get(epoch);
  if (target === undefined) return;
  target.inputs.push(input);
  pump(state, target, ctx);
}

/** One call with what waits, and further ones only with what that call made this node itself find out. */
export function pump(state: KeeperState, target: Epoch, ctx: Context<KeeperMessage>): void {
  if (target.isFlushing) return;
  for (let inputs = target.inputs.take(); inputs.length > 0; inputs = target.inputs.takeOwn()) {
    const outputs = target.engine.handleAll(inputs);
    const records = outputs.flatMap((output) => (output.type === 'persist' ? [output.record] : []));
    if (records.length === 0) {
      perform(state, target, outputs, ctx);
      continue;
    }
    target.isFlushing = true;
    const { epoch } = target;
    ctx.pipe(
      () => target.log.append(records),
      () => ({ type: 'flushed', epoch, outputs }),
      (error) => ({ type: 'crashed', error }),
    );
    return;
  }
  hearMore(state, target, ctx);
}

/** Has the frames that wait heard: once everything else had its turn, or after a rest where only those wait who were refused too often. */
export function hearMore(state: KeeperState, { inputs }: Epoch, ctx: Context<KeeperMessage>): void {
  if (inputs.isUrgent) state.ears.wake();
  else if (!inputs.isEmpty && !state.isResting) {
    state.isResting = true;
    ctx.after(restMs, { type: 'rested' });
  }
}

export function onFlushed(
  state: KeeperState,
  { epoch, outputs }: Extract<KeeperMessage, { type: 'flushed' }>,
  ctx: Context<KeeperMessage>,
): void {
  const { parts } = state;
  const target = state.epochs.get(epoch)!;
  target.isFlushing = false;
  const { chain, identity, world } = parts;
  target.position = sealPosition(target.log.head, epoch, chain.meshId, identity, world.crypto);
  perform(state, target, outputs, ctx);
  // Here and nowhere else: what was restored is resumed by now, and nothing waits to be written.
  if (outputs.length > 0 && (target.log.isLong || world.buggify('consensus.rewrite'))) rewrite(state, target, ctx);
  else pump(state, target, ctx);
}

/** Between two calls, what the engine remembers is all the log has to say. Nothing else is said meanwhile, as during any write. */
function rewrite({ parts: { world } }: KeeperState, target: Epoch, ctx: Context<KeeperMessage>): void {
  const { epoch, engine, log } = target;
  target.isFlushing = true;
  ctx.pipe(
    () =>
      log.rewrite(engine.snapshot()).catch((error: Error) => {
        // Without room for a second log there is still the first; a log that is broken says so at the next append.
        world.log('error', 'the log of votes was not rewritten', { epoch, error: error.message });
      }),
    () => ({ type: 'flushed', epoch, outputs: [] }),
    (error) => ({ type: 'crashed', error }),
  );
}
