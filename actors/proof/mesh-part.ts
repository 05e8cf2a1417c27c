// Law: every file that proves something carries its mesh alike: the genesis, and each config since with the certificate that decided it.
import { z } from 'zod';
import { encodeConfig, encodeGenesis, type MeshChain } from '../../protocols/mesh/index.ts';
import { toBase64 } from './entries.ts';

/** What one part of a file may hold, in base64. */
export const partText = z.string().max(512 * 1024);

export const meshPartSchema = z.strictObject({
  genesis: partText,
  configs: z.array(z.strictObject({ config: partText, certificate: partText })).max(10_000),
});
export type MeshPart = z.infer<typeof meshPartSchema>;

/** The chain up to `epoch`; by default all of it. */
export function meshPartOf(chain: MeshChain, epoch: number = chain.current.epoch): MeshPart {
  return {
    genesis: toBase64(encodeGenesis(chain.genesis)),
    configs: chain.links.slice(1, epoch + 1).map(({ config, certificate }) => ({
      config: toBase64(encodeConfig(config)),
      certificate: toBase64(certificate),
    })),
  };
}
