// Law: a member of a NATS mesh as a process of its own, so that a test can kill it. Arguments: index, server, mesh byte. Echoes requests.
import { createNatsNetwork } from '../../protocols/nats/index.ts';
import { createCrypto, testIdentity } from './world.ts';

const [index, server, mesh] = process.argv.slice(2);
const network = await createNatsNetwork({
  identity: testIdentity(Number(index)),
  meshId: new Uint8Array(32).fill(Number(mesh)),
  preSharedKey: new Uint8Array(32).fill(2),
  servers: [server!],
  crypto: createCrypto(),
  allow: () => true,
  log: () => {},
});
network.serve((_, frame) => frame);
console.log('ready');
