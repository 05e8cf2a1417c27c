import { freePorts } from '../../test/support/ports.ts';
import { realClock, realScheduler, recordingLog, testIdentity, until } from '../../test/support/world.ts';
import { networkContract } from '../network/testing/index.ts';
import { createLibp2pNetwork, type Libp2pNetwork } from './index.ts';

const clock = realClock();
const meshId = new Uint8Array(32).fill(1);
const preSharedKey = new Uint8Array(32).fill(2);

networkContract('libp2p', {
  clock,
  scheduler: realScheduler(clock),
  async open(count) {
    const networks: Libp2pNetwork[] = [];
    const start = (index: number, listen: string) =>
      createLibp2pNetwork({
        identity: testIdentity(index),
        meshId,
        preSharedKey,
        listen: [listen],
        bootstrap: networks.filter((_, i) => i !== index).flatMap((network) => network.addresses()),
        allow: () => true,
        log: recordingLog().log,
      });
    // Ports that are still theirs after a restart.
    for (const [i, port] of (await freePorts(count)).entries())
      networks.push(await start(i, `/ip4/127.0.0.1/tcp/${port}`));
    await until('a full mesh', () => networks.every((network) => network.peers().length === count - 1));
    return {
      networks,
      async restart(index) {
        const listen = networks[index]!.addresses()[0]!.replace(/\/p2p\/.*/, '');
        await networks[index]!.close();
        networks[index] = await start(index, listen);
        return networks[index];
      },
      close: async () => void (await Promise.all(networks.map((network) => network.close()))),
    };
  },
});
