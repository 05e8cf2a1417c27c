// Law: what arrives means nothing until it is checked field by field, reaches only an actor that said by a schema what it takes from other
// nodes, and is answered, refused or counted under the node that sent it.
import { PendingAsk } from '../ask.ts';
import type { Cell } from '../cell.ts';
import { errorOf } from '../lifecycle.ts';
import type { Monitor } from '../target.ts';
import { type ActorAddress, type ExitReason, type Message, noproc, type TraceContext } from '../types.ts';
import { answerable } from './answerable.ts';
import {
  asDestination,
  asNumber,
  asText,
  codeIn,
  type Destination,
  frameKind,
  frameMark,
  reasonIn,
  reasonOut,
  traceIn,
} from './frames.ts';
import type { RemoteOffice } from './office.ts';
import { RemoteRef } from './remote-ref.ts';
import { RemoteWatcher, type Session } from './session.ts';

export class Arrivals {
  private readonly office: RemoteOffice;

  constructor(office: RemoteOffice) {
    this.office = office;
  }

  /** Throws MalformedValue where a frame is none. */
  take(session: Session, frame: readonly unknown[]): void {
    const kind = frame[1];
    switch (kind) {
      case frameKind.tell:
        this.onTell(session, asDestination(frame[2]), traceIn(frame[3]), frame[4]);
        break;
      case frameKind.reply:
        session.awaitedAsk(asNumber(frame[2]))?.send(frame[3]);
        break;
      case frameKind.fail: {
        const reason = frame[5] === null ? undefined : reasonIn(frame[5]);
        session.awaitedAsk(asNumber(frame[2]))?.failAs(codeIn(frame[3]), asText(frame[4]), reason);
        break;
      }
      case frameKind.monitor:
        this.onMonitor(session, asNumber(frame[2]), asDestination(frame[3]));
        break;
      case frameKind.demonitor:
        session.release(asNumber(frame[2]));
        break;
      case frameKind.down:
        this.onDown(session, asNumber(frame[2]), reasonIn(frame[3]));
        break;
      default:
        this.office.groups.onFrame(session, frame);
    }
  }

  private onTell(session: Session, to: Destination, trace: TraceContext | undefined, raw: unknown): void {
    const replyTo = (raw as { readonly replyTo?: unknown } | null)?.replyTo;
    const ask = replyTo instanceof PendingAsk ? replyTo : undefined;
    const cell = this.resolve(to);
    if (cell !== undefined) ask?.retarget(cell, String((raw as Partial<Message>).type));
    else {
      // Not the sender's mistake: actors end.
      ask?.fail('stopped', 'is not there', noproc);
      this.office.system.deadLetter(
        new RemoteRef(this.office.system, this.office, this.hereAt(to)),
        asMessage(raw),
        'stopped',
      );
      return;
    }
    const { schema } = cell.def;
    if (schema === undefined && !session.trusted) {
      ask?.fail('refused', 'takes nothing from other nodes');
      this.office.refuse(
        session.node,
        'closed',
        new Error(`${cell.path} has no schema and takes nothing from other nodes`),
      );
      return;
    }
    let message: Message;
    try {
      message = asMessage(schema === undefined ? raw : schema.parse(withoutReply(raw)));
    } catch (error) {
      ask?.fail('refused', 'refused it: it does not fit its schema');
      this.office.refuse(session.node, 'schema', errorOf(error));
      return;
    }
    cell.offer(answerable(message, ask), trace);
  }

  private onMonitor(session: Session, id: number, to: Destination): void {
    const cell = this.resolve(to);
    const watcher = new RemoteWatcher(session, id);
    if (session.holds(id) || session.watchesAll) {
      this.office.refuse(session.node, 'monitors', new Error('a monitor used twice, or too many of them'));
      return;
    }
    if (cell === undefined) {
      session.owed.send([frameMark, frameKind.down, id, reasonOut(noproc)]);
      return;
    }
    const monitor = { id: id as Monitor['id'], watcher, target: cell };
    session.hold(id, monitor);
    cell.addWatcher(monitor);
  }

  private onDown(session: Session, id: number, reason: ExitReason): void {
    const monitor = session.takeWatched(id);
    if (monitor === undefined) return;
    const { watcher, target } = monitor;
    watcher.bonds?.monitoring.delete(monitor.id);
    watcher.pushSignal({ type: 'down', from: target, reason, id: monitor.id });
  }

  private resolve(to: Destination): Cell | undefined {
    return typeof to === 'string' ? this.office.system.find(to) : this.office.names.exportedCell(to);
  }

  private hereAt(to: Destination): ActorAddress {
    const { name } = this.office.system;
    return typeof to === 'string' ? { node: name, path: to, uid: 0 } : { node: name, path: '', uid: to };
  }
}

function asMessage(raw: unknown): Message {
  if (typeof (raw as { readonly type?: unknown } | null)?.type !== 'string')
    throw new TypeError('a message has a type, which is text');
  return raw as Message;
}

function withoutReply(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || !('replyTo' in raw)) return raw;
  const { replyTo: _, ...message } = raw;
  return message;
}
