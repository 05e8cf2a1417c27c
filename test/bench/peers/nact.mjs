// Law: nact as its documentation uses it: one system per round, stateless actors, `query` for questions.
import nact from 'nact';
import { main } from './measure.mjs';

const { dispatch, query, spawnStateless, start, stop } = nact;

async function inSystem(run) {
  const system = start();
  const operations = await run(system);
  return [operations, () => stop(system)];
}

const ring = (actors, tokens, hops) => () =>
  inSystem(async (system) => {
    let finished = 0;
    await new Promise((resolve) => {
      const done = () => {
        if (++finished === tokens) resolve();
      };
      const refs = [];
      for (let index = 0; index < actors; index++) {
        refs.push(
          spawnStateless(system, (message) => {
            if (message.left === 0) done();
            else dispatch(refs[(index + 1) % actors], { type: 'hop', left: message.left - 1 });
          }),
        );
      }
      for (let token = 0; token < tokens; token++)
        dispatch(refs[Math.floor((token * actors) / tokens)], { type: 'hop', left: hops / tokens });
    });
    return hops;
  });

const fanIn = (rounds, perRound) => () =>
  inSystem(async (system) => {
    let left = rounds * perRound;
    await new Promise((done) => {
      const ref = spawnStateless(system, () => {
        if (--left === 0) done();
      });
      let round = 0;
      const send = () => {
        for (let sent = 0; sent < perRound; sent++) dispatch(ref, { type: 'hop', left: 0 });
        if (++round < rounds) setImmediate(send);
      };
      send();
    });
    return rounds * perRound;
  });

await main({
  'ping-pong': ring(2, 1, 100_000),
  'ring, 1 token': ring(1000, 1, 100_000),
  'ring, 100 tokens': ring(1000, 100, 100_000),
  'fan-in, bounded': fanIn(1000, 100),
  'fan-in, flooded': fanIn(1, 100_000),
  spawn: () =>
    inSystem(async (system) => {
      const actors = 10_000;
      let left = actors;
      await new Promise((done) => {
        const hear = () => {
          if (--left === 0) done();
        };
        // Named: names that nact draws itself collide.
        for (let index = 0; index < actors; index++)
          dispatch(spawnStateless(system, hear, `a${index}`), { type: 'hop' });
      });
      return actors;
    }),
  ask: () =>
    inSystem(async (system) => {
      const asks = 30_000;
      const ref = spawnStateless(system, (message, ctx) => dispatch(message.sender, 1, ctx.self));
      for (let done = 0; done < asks; done++) await query(ref, (sender) => ({ type: 'get', sender }), 5000);
      return asks;
    }),
  idle: (actors) => {
    const system = start();
    return Array.from({ length: actors }, (_, index) => spawnStateless(system, () => {}, `a${index}`));
  },
  gap: ring(1000, 100, 100_000),
});
