// Law: a link of the chain is in force here only once it is on this disk, so that a restarted node never votes under an older config than
// one it has already seen. What is read back is verified again: a damaged store is named, not believed.
import { type Certificate, decodeCertificate, verifyConfigLink } from '../../consensus/index.ts';
import { type ConfigLink, decodeConfig, encodeConfig, type MeshChain } from '../../protocols/mesh/index.ts';
import { decodeBody, encodeBody, equalBytes, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Crypto, KeyValue } from '../system/index.ts';

export interface ChainStore {
  /** Verifies, stores, then appends. False where the epoch is known already. Throws MalformedBytes with the reason where it does not follow. */
  adopt(link: ConfigLink): Promise<boolean>;
  /**
   * The members of an epoch decided two configs to follow it: more of them lied than the mesh tolerates. What this node has stays in force here;
   * the certificates convict.
   */
  onFork(handler: (certificates: readonly [Certificate, Certificate]) => void): () => void;
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
  const handlers = new Set<(certificates: readonly [Certificate, Certificate]) => void>();
  /** Compares what came with what is known of that epoch, and tells where both hold and differ. */
  function compare(link: ConfigLink): void {
    const known = chain.links[link.config.epoch]!;
    const before = chain.links[link.config.epoch - 1];
    if (before === undefined || equalBytes(encodeConfig(known.config), encodeConfig(link.config))) return;
    const verdict = verifyConfigLink(link.config, link.certificate, before.config, chain.meshId, crypto);
    if (!verdict.ok)
      throw new MalformedBytes(`another config of epoch ${link.config.epoch} that does not hold: ${verdict.reason}`);
    const both = [decodeCertificate(known.certificate), decodeCertificate(link.certificate)] as const;
    for (const handler of [...handlers]) handler(both);
  }
  let last: Promise<unknown> = Promise.resolve();
  return {
    adopt(link) {
      // One at a time: each link is checked against the one before it.
      const done = last.then(async () => {
        if (link.config.epoch < chain.links.length) {
          compare(link);
          return false;
        }
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
    onFork(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}
