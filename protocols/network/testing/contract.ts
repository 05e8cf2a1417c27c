// Law: what the Network port promises, every transport keeps. Each transport's test calls this suite; a promise that only some keep
// belongs in that transport's own test. Frames are raw bytes here: envelopes are the post office's concern.
import { afterEach, describe } from 'vitest';
import { framesContract } from './frames.ts';
import { type ContractHarness, contractKit } from './kit.ts';
import { livesContract } from './lives.ts';
import { payloadsContract } from './payloads.ts';
import { publicationsContract } from './publications.ts';
import { requestsContract } from './requests.ts';

export function networkContract(name: string, harness: ContractHarness): void {
  const kit = contractKit(harness);
  describe(`${name} keeps the Network contract`, () => {
    afterEach(kit.closeAll);
    framesContract(kit);
    publicationsContract(kit);
    requestsContract(kit);
    payloadsContract(kit);
    livesContract(kit);
  });
}
