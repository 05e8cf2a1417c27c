import { ask, createSystem, defineActor, type ReplyTo } from '../../actors/system/index.ts';
import { createWorkerHost } from '../../node/world/index.ts';
import { world } from './world.ts';

type Search = { readonly type: 'primes'; readonly below: number; readonly replyTo: ReplyTo<number> };

export const searcher = defineActor<Search, null>({
  kind: 'searcher',
  start: () => null,
  receive(_state, { below, replyTo }) {
    let found = 0;
    for (let number = 2; number < below; number++) {
      let divisor = 2;
      while (divisor * divisor <= number && number % divisor !== 0) divisor++;
      if (divisor * divisor > number) found++;
    }
    replyTo.send(found);
  },
});

if (import.meta.main) {
  const system = createSystem('example', world);
  const host = createWorkerHost(system, { log: world.log });
  // The thread finds the definition by this module's place and the export's name; no code is sent.
  const ref = system.spawn(host.inThread<Search>(new URL(import.meta.url), 'searcher'), undefined, {
    name: 'searcher',
  });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  console.log('primes', await ask(system, ref, { type: 'primes', below: 200_000 }, { timeoutMs: 60_000 }));
  clearInterval(timer);
  console.log('the loop here went on meanwhile:', turns > 5);
  await system.shutdown();
  await host.close();
}
