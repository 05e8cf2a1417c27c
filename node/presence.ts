// Law: what a node says of itself fits into one message, whatever its data sets are: a longer one would be refused as a whole, and held
// against it.
import type { Parts, Presence } from '../actors/parts/index.ts';

/** Told whenever membership asks; data sets are looked at anew each time. */
export function presenceOf(
  parts: Parts,
  about: Pick<Presence, 'name' | 'site' | 'socket' | 'version'> & { readonly addresses: () => readonly string[] },
): () => Promise<Presence> {
  return async () => ({
    name: about.name,
    site: about.site,
    skills: parts.manifests.map(({ name }) => name),
    addresses: [...about.addresses()],
    socket: about.socket,
    version: about.version,
    load: 0,
    dataSets: (await parts.dataSets.describe()).map(({ name, columns }) => ({
      name,
      columns: columns.slice(0, 512).map((column) => column.slice(0, 255).toWellFormed()),
    })),
  });
}
