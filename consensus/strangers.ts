// Law: what is said about an instance nobody has introduced yet is kept within bounds per member that handed it over, oldest dropped first:
// a member which floods pushes out only what it brought itself, and old words of others that it brings again push out nothing of theirs.
import type { NodeId } from '../actors/system/index.ts';
import type { Entry, InstanceId } from './messages.ts';
import type { HeldEntry } from './signed-entry.ts';

export interface HeldStatement {
  readonly entry: Entry;
  readonly held: HeldEntry;
}

export class Strangers {
  readonly #limit: number;
  readonly #members = new Map<NodeId, { count: number; readonly byInstance: Map<InstanceId, HeldStatement[]> }>();

  /** `limit`: statements kept of what each member brings. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False where an older statement that `from` brought had to go for it. */
  keep(from: NodeId, instance: InstanceId, statement: HeldStatement): boolean {
    statement.held.detach();
    const own = this.#members.get(from) ?? { count: 0, byInstance: new Map<InstanceId, HeldStatement[]>() };
    this.#members.set(from, own);
    const list = own.byInstance.get(instance);
    if (list === undefined) own.byInstance.set(instance, [statement]);
    else list.push(statement);
    own.count++;
    let fits = true;
    while (own.count > this.#limit) {
      const [oldest, dropped] = own.byInstance.entries().next().value!;
      own.byInstance.delete(oldest);
      own.count -= dropped.length;
      fits = false;
    }
    return fits;
  }

  /** Removes and answers everything kept about `instance`. */
  take(instance: InstanceId): HeldStatement[] {
    const taken: HeldStatement[] = [];
    for (const own of this.#members.values()) {
      const list = own.byInstance.get(instance);
      if (list === undefined) continue;
      own.byInstance.delete(instance);
      own.count -= list.length;
      taken.push(...list);
    }
    return taken;
  }
}
