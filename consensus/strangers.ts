// Law: what is said about an instance nobody has introduced yet is kept within bounds per member, oldest dropped first, so that a member
// which floods pushes out only its own words.
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

  /** `limit`: statements kept per member. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False where an older statement of the same member had to go for it. */
  keep(instance: InstanceId, statement: HeldStatement): boolean {
    const { signer } = statement.held;
    statement.held.detach();
    const own = this.#members.get(signer) ?? { count: 0, byInstance: new Map<InstanceId, HeldStatement[]>() };
    this.#members.set(signer, own);
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
