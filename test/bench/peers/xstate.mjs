// Law: XState as its documentation uses it: an actor is a transition function; whoever sends runs the receiver on its own stack.
import { createActor, fromTransition } from 'xstate';
import { main } from './measure.mjs';

const hopper = (wire) =>
  fromTransition((state, event) => {
    if (event.left === 0) wire.done();
    else wire.next.send({ type: 'hop', left: event.left - 1 });
    return state;
  }, {});

const ring = (actors, tokens, hops) => async () => {
  let finished = 0;
  await new Promise((resolve) => {
    const done = () => {
      if (++finished === tokens) resolve();
    };
    const wires = Array.from({ length: actors }, () => ({ next: undefined, done }));
    const refs = wires.map((wire) => createActor(hopper(wire)).start());
    for (const [index, wire] of wires.entries()) wire.next = refs[(index + 1) % actors];
    for (let token = 0; token < tokens; token++)
      refs[Math.floor((token * actors) / tokens)].send({ type: 'hop', left: hops / tokens });
  });
  return [hops];
};

const countdown = (state) =>
  fromTransition((context) => {
    if (--state.left === 0) state.done();
    return context;
  }, {});

const fanIn = (rounds, perRound) => async () => {
  await new Promise((done) => {
    const ref = createActor(countdown({ left: rounds * perRound, done })).start();
    let round = 0;
    const send = () => {
      for (let sent = 0; sent < perRound; sent++) ref.send({ type: 'hop', left: 0 });
      if (++round < rounds) queueMicrotask(send);
    };
    send();
  });
  return [rounds * perRound];
};

const idle = fromTransition((state) => state, {});

await main({
  'ping-pong': ring(2, 1, 500_000),
  'ring, 1 token': ring(1000, 1, 500_000),
  'ring, 100 tokens': ring(1000, 100, 500_000),
  'fan-in, bounded': fanIn(5000, 100),
  'fan-in, flooded': fanIn(1, 500_000),
  spawn: async () => {
    const actors = 50_000;
    let left = actors;
    for (let index = 0; index < actors; index++)
      createActor(hopper({ done: () => left-- }))
        .start()
        .send({ type: 'hop', left: 0 });
    if (left !== 0) throw new Error('not all heard');
    return [actors];
  },
  idle: (actors) => Array.from({ length: actors }, () => createActor(idle).start()),
  gap: ring(1000, 100, 500_000),
});
