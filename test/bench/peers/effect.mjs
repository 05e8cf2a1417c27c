// Law: an actor in Effect is a fiber that takes from its queue for ever; questions carry a deferred and a timeout.
import { Deferred, Effect, Fiber, Queue } from 'effect';
import { main } from './measure.mjs';

/** A fiber that hands each message to `receive`, which returns an effect. */
const actor = (queue, receive) => Effect.forkDetach(Effect.forever(Effect.flatMap(Queue.take(queue), receive)));

const ring = (actors, tokens, hops) => () =>
  Effect.runPromise(
    Effect.gen(function* () {
      let finished = 0;
      const over = yield* Deferred.make();
      const queues = [];
      for (let index = 0; index < actors; index++) queues.push(yield* Queue.unbounded());
      const fibers = [];
      for (const [index, queue] of queues.entries()) {
        const next = queues[(index + 1) % actors];
        fibers.push(
          yield* actor(queue, (message) => {
            if (message.left > 0) return Queue.offer(next, { type: 'hop', left: message.left - 1 });
            return ++finished === tokens ? Deferred.succeed(over, undefined) : Effect.void;
          }),
        );
      }
      for (let token = 0; token < tokens; token++)
        yield* Queue.offer(queues[Math.floor((token * actors) / tokens)], { type: 'hop', left: hops / tokens });
      yield* Deferred.await(over);
      return [hops, () => Effect.runPromise(Fiber.interruptAll(fibers))];
    }),
  );

const fanIn = (capacity, messages) => () =>
  Effect.runPromise(
    Effect.gen(function* () {
      let left = messages;
      const over = yield* Deferred.make();
      const queue = capacity === 0 ? yield* Queue.unbounded() : yield* Queue.bounded(capacity);
      const fiber = yield* actor(queue, () => (--left === 0 ? Deferred.succeed(over, undefined) : Effect.void));
      for (let sent = 0; sent < messages; sent++) yield* Queue.offer(queue, { type: 'hop', left: 0 });
      yield* Deferred.await(over);
      return [messages, () => Effect.runPromise(Fiber.interrupt(fiber))];
    }),
  );

await main({
  'ping-pong': ring(2, 1, 100_000),
  'ring, 1 token': ring(1000, 1, 100_000),
  'ring, 100 tokens': ring(1000, 100, 100_000),
  'fan-in, bounded': fanIn(100, 100_000),
  'fan-in, flooded': fanIn(0, 100_000),
  spawn: () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const actors = 10_000;
        let left = actors;
        const over = yield* Deferred.make();
        const fibers = [];
        for (let index = 0; index < actors; index++) {
          const queue = yield* Queue.unbounded();
          fibers.push(yield* actor(queue, () => (--left === 0 ? Deferred.succeed(over, undefined) : Effect.void)));
          yield* Queue.offer(queue, { type: 'hop' });
        }
        yield* Deferred.await(over);
        return [actors, () => Effect.runPromise(Fiber.interruptAll(fibers))];
      }),
    ),
  ask: () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const asks = 30_000;
        const queue = yield* Queue.unbounded();
        const fiber = yield* actor(queue, (message) => Deferred.succeed(message.replyTo, 1));
        for (let done = 0; done < asks; done++) {
          const replyTo = yield* Deferred.make();
          yield* Queue.offer(queue, { type: 'get', replyTo });
          yield* Effect.timeout(Deferred.await(replyTo), 5000);
        }
        return [asks, () => Effect.runPromise(Fiber.interrupt(fiber))];
      }),
    ),
  idle: (actors) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const fibers = [];
        for (let index = 0; index < actors; index++)
          fibers.push(yield* actor(yield* Queue.unbounded(), () => Effect.void));
        return fibers;
      }),
    ),
  gap: ring(1000, 100, 100_000),
});
