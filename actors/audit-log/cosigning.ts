// Law: a checkpoint is a note about the log as it stands, cosigned by members of quorum weight. This node cosigns its own log only, and a
// member that cosigned another one of the same size is told so.
import {
  auditOrigin,
  checkpointText,
  cosign,
  cosignerKeys,
  isSignedBy,
  openCheckpoint,
  renderNote,
} from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { equalBytes, type Identity, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Clock, Crypto } from '../system/index.ts';
import type { AuditBook, Cosigned } from './book-contract.ts';
import type { EpochBook } from './epoch-book.ts';

export type Cosigning = Pick<AuditBook, 'cosigned' | 'hear' | 'isCosigned' | 'checkpoint' | 'adoptCheckpoint'>;

export function createCosigning(options: {
  readonly chain: MeshChain;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly identity: Identity;
  readonly bookOf: (epoch: number) => EpochBook;
}): Cosigning {
  const { chain, crypto, clock, identity, bookOf } = options;

  const textOf = ({ epoch, size, root }: Pick<Cosigned, 'epoch' | 'size' | 'root'>): string =>
    checkpointText({ origin: auditOrigin(chain.meshId, epoch), size, root });

  function refreshNote(epoch: number): void {
    const book = bookOf(epoch);
    const config = chain.config(epoch);
    if (config === undefined || book.log.size === 0) return;
    const text = textOf({ epoch, size: book.log.size, root: book.log.root() });
    const signatures = config.members.flatMap(({ id }) => {
      const said = book.heard.get(id);
      return said !== undefined && said.size === book.log.size ? [said.signature] : [];
    });
    if (signatures.length === 0) return;
    const rendered = renderNote({ text, signatures });
    const opened = openCheckpoint(rendered, config, chain.meshId, crypto);
    if (opened.ok) book.note = { text: rendered, checkpoint: opened.checkpoint };
  }

  return {
    cosigned(epoch) {
      const { log: tree, heard } = bookOf(epoch);
      const config = chain.config(epoch);
      const key =
        config === undefined ? undefined : cosignerKeys(config).find(({ name }) => name.endsWith(identity.id));
      if (key === undefined || tree.size === 0) return undefined;
      const known = heard.get(identity.id);
      if (known?.size === tree.size) return known;
      const about = { epoch, size: tree.size, root: tree.root() };
      const seconds = Math.floor(clock.wallMs() / 1_000);
      const said = {
        ...about,
        signature: cosign(textOf(about), { ...key, secretKey: identity.secretKey }, seconds, crypto),
      };
      heard.set(identity.id, said);
      refreshNote(epoch);
      return said;
    },
    hear(from, said) {
      const { epoch, size, root, signature } = said;
      const config = chain.config(epoch);
      const key = config === undefined ? undefined : cosignerKeys(config).find(({ name }) => name.endsWith(from));
      if (key === undefined || !isSignedBy(textOf(said), signature, key, crypto))
        throw new MalformedBytes('a cosignature that does not verify');
      const book = bookOf(epoch);
      if (size <= book.log.size && !equalBytes(book.log.root(size), root)) return false;
      if (size > book.log.size) book.behindHeight = Math.max(book.behindHeight, book.log.height);
      if (size >= (book.heard.get(from)?.size ?? 0)) book.heard.set(from, said);
      refreshNote(epoch);
      return true;
    },
    isCosigned: (epoch) => bookOf(epoch).note?.checkpoint.size === bookOf(epoch).log.size,
    checkpoint: (epoch) => bookOf(epoch).note?.text,
    adoptCheckpoint(epoch, text) {
      const book = bookOf(epoch);
      const config = chain.config(epoch);
      if (config === undefined || book.note?.checkpoint.size === book.log.size) return;
      const opened = openCheckpoint(text, config, chain.meshId, crypto);
      if (!opened.ok) throw new MalformedBytes(`a checkpoint of epoch ${epoch} that does not verify: ${opened.reason}`);
      const { checkpoint } = opened;
      if (checkpoint.size === book.log.size && equalBytes(checkpoint.root, book.log.root()))
        book.note = { text, checkpoint };
    },
  };
}
