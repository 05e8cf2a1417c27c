import { openLaneMember } from '../../test/support/lane-mesh.ts';
import { createCrypto, realClock, realScheduler, recordingLog, testIdentity } from '../../test/support/world.ts';
import { createMemoryStorage } from '../lanes/testing/index.ts';
import { createLoopbackHub } from '../loopback/index.ts';
import { eventBusContract } from './testing/index.ts';

const clock = realClock();

eventBusContract('the lanes of a mesh', {
  clock,
  scheduler: realScheduler(clock),
  async open(count) {
    const hub = createLoopbackHub({ clock, scheduler: realScheduler(clock), log: recordingLog().log });
    const crypto = createCrypto();
    const members = await Promise.all(
      Array.from({ length: count }, async (_, index) =>
        openLaneMember({
          identity: testIdentity(index),
          network: hub.open(testIdentity(index).id),
          keyValue: await createMemoryStorage(crypto).keyValue('lanes'),
        }),
      ),
    );
    const dead = new Set<number>();
    return {
      buses: members.map(({ bus }) => bus),
      async die(index) {
        dead.add(index);
        await members[index]!.die();
      },
      close: async () => void (await Promise.all(members.map((one, index) => dead.has(index) || one.close()))),
    };
  },
});
