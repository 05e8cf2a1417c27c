// Law: refs, reply addresses and virtual actors travel as names and become living objects again on arrival; only what a message carried
// out, or what was looked up by path, can be named from outside.
import { PendingAsk } from '../ask.ts';
import { Cell } from '../cell.ts';
import { type Lowered, MalformedValue } from '../codec/index.ts';
import { EntityRef, regionDefs } from '../entity/entity-ref.ts';
import type { ActorSystem } from '../system.ts';
import type { ActorAddress } from '../types.ts';
import { asList, asNumber, asText, frameKind, frameMark, nameTag, reasonOut } from './frames.ts';
import type { RemoteOffice } from './office.ts';
import { RemoteRef } from './remote-ref.ts';
import type { Session } from './session.ts';

/** Longest an ask of another node is kept open here. */
const maxAskMs = 24 * 3600 * 1000;

export class Names {
  private readonly system: ActorSystem;
  private readonly office: RemoteOffice;
  /** Actors whose refs have left this node, by uid. */
  private readonly exported = new Map<number, Cell>();

  constructor(system: ActorSystem, office: RemoteOffice) {
    this.system = system;
    this.office = office;
  }

  get exportedCount(): number {
    return this.exported.size;
  }

  forget(uid: number): void {
    this.exported.delete(uid);
  }

  exportedCell(addressUid: number): Cell | undefined {
    return this.exported.get(addressUid - this.system.uidBase);
  }

  lower(session: Session, object: object): Lowered | undefined {
    if (object instanceof Cell) {
      if (object.phase !== 'ended') this.exported.set(object.uid, object);
      return refName(object.address);
    }
    if (object instanceof RemoteRef) return refName(object.address);
    if (object instanceof PendingAsk) {
      return { tag: nameTag.ask, value: [session.await(object), Math.ceil(object.leftMs)] };
    }
    if (object instanceof EntityRef) return { tag: nameTag.entity, value: [object.region.address.path, object.id] };
    return undefined;
  }

  raise(session: Session, tag: number, value: unknown): unknown {
    if (tag === nameTag.buffer) return arrived(session, asNumber(value));
    const fields = asList(value);
    if (tag === nameTag.ref) {
      const address = { node: asText(fields[0]), path: asText(fields[1]), uid: asNumber(fields[2]) };
      const ref = this.ref(address);
      // By path anyone can be named: that must open no actor to another node which its schema does not.
      const isClosed = ref instanceof Cell && address.uid === 0 && !session.trusted && ref.def.schema === undefined;
      return isClosed ? new RemoteRef(this.system, this.office, address) : ref;
    }
    if (tag === nameTag.ask) return this.servedAsk(session, asNumber(fields[0]), asNumber(fields[1]));
    if (tag === nameTag.entity) {
      const region = this.system.find(asText(fields[0]));
      if (region === undefined || !regionDefs.has(region.def) || (!session.trusted && region.def.schema === undefined))
        throw new MalformedValue(`no virtual actors live at ${asText(fields[0])}`);
      return new EntityRef(region, asText(fields[1]));
    }
    throw new MalformedValue(`no name has tag ${tag}`);
  }

  /** A ref of this node that has ended, or was never given out, is a ref to nobody. */
  ref(address: ActorAddress): Cell | RemoteRef {
    if (address.node === this.system.name) {
      const cell = address.uid === 0 ? this.system.find(address.path) : this.exportedCell(address.uid);
      if (cell !== undefined) return cell;
    }
    return new RemoteRef(this.system, this.office, address);
  }

  private servedAsk(session: Session, number: number, leftMs: number): PendingAsk {
    if (session.servesAll) throw new MalformedValue('too many asks of this node are open');
    const ask = new PendingAsk(
      this.office.anchor,
      'of another node',
      (reply) => this.office.reply(session, number, reply),
      (error) =>
        session.owed.send([frameMark, frameKind.fail, number, error.code, error.message, reasonOut(error.reason)]),
    );
    this.system.wheel.add(ask, Math.min(leftMs, maxAskMs));
    session.serve(ask);
    return ask;
  }
}

function arrived({ arriving }: Session, index: number): Uint8Array {
  const buffer = arriving[index];
  if (buffer === undefined) throw new MalformedValue(`no buffer ${index} came with the frame`);
  return buffer;
}

function refName({ node, path, uid }: ActorAddress): Lowered {
  return { tag: nameTag.ref, value: [node, path, uid] };
}
