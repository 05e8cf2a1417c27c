// Law: a link of the chain is in force here only once it is on this disk, so that a restarted node never votes under an older config than
// one it has already seen. What is read back is verified again: a damaged store is named, not believed.
import { verifyConfigLink } from '../../consensus/index.ts';
import { type ConfigLink, decodeConfig, encodeConfig, type MeshChain } from '../../protocols/mesh/index.ts';
import { decodeBody, encodeBody, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Crypto, KeyValue } from '../system/index.ts';

export interface ChainStore {
  /** Verifies, stores, then appends. False where the epoch is known already. Throws MalformedBytes with the reason where it does not follow. */
  adopt(link: ConfigLink): Promise<boolean>;
}

const prefix = 'config/';
const keyOf = (epoch: number): string => `${prefix}${String(epoch).padStart(10, '0')}`;

/** Reads the stored links into `chain`, which holds genesis alone. */
export async function openChainStore(options: {
  readonly keyValue: KeyValue;
  readonly chain: MeshChain;
  readonly crypto: Crypto;
}): Promise<ChainStore> {
  const { keyValue, chain, crypto } = options;
  const check = (link: ConfigLink): void => {
    const verdict = verifyConfigLink(link.config, link.certificate, chain.current, chain.meshId, crypto);
    if (!verdict.ok)
      throw new MalformedBytes(`the config of epoch ${link.config.epoch} does not hold: ${verdict.reason}`);
  };
  for await (const { value } of keyValue.range(prefix, `${prefix}~`)) {
    const { config, certificate } = decodeBody(value) as { config: Uint8Array; certificate: Uint8Array };
    const link = { config: decodeConfig(config), certificate };
    check(link);
    chain.append(link, true);
  }
  let last: Promise<unknown> = Promise.resolve();
  return {
    adopt(link) {
      // One at a time: each link is checked against the one before it.
      const done = last.then(async () => {
        if (link.config.epoch < chain.links.length) return false;
        check(link);
        await keyValue.write([
          {
            key: keyOf(link.config.epoch),
            value: encodeBody({ config: encodeConfig(link.config), certificate: link.certificate }, 400_000),
          },
        ]);
        return chain.append(link, true);
      });
      last = done.catch(() => {});
      return done;
    },
  };
}
