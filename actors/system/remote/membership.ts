// Law: who is in which group is a multiset per group, and a group without members is not there.

export type GroupTable<R> = readonly (readonly [group: string, refs: readonly R[]])[];

const identical = <R>(a: R, b: R): boolean => a === b;

/** Groups of one node. */
export class Membership<R> {
  private byGroup = new Map<string, R[]>();
  private staged = new Map<string, R[]>();
  /** Members, each as often as it joined. */
  size = 0;
  /** The same of the table that is being staged. */
  stagedSize = 0;

  names(): Iterable<string> {
    return this.byGroup.keys();
  }

  groups(): Iterable<[string, readonly R[]]> {
    return this.byGroup.entries();
  }

  members(group: string): readonly R[] {
    return this.byGroup.get(group) ?? [];
  }

  add(group: string, ref: R): void {
    const refs = this.byGroup.get(group);
    if (refs === undefined) this.byGroup.set(group, [ref]);
    else refs.push(ref);
    this.size++;
  }

  /** Once. False: it is not in the group. */
  remove(group: string, ref: R, same: (a: R, b: R) => boolean = identical): boolean {
    const refs = this.byGroup.get(group);
    const at = refs?.findIndex((other) => same(other, ref)) ?? -1;
    if (refs === undefined || at < 0) return false;
    refs.splice(at, 1);
    if (refs.length === 0) this.byGroup.delete(group);
    this.size--;
    return true;
  }

  clear(): void {
    this.byGroup.clear();
    this.size = 0;
  }

  /** All of it in tables of at most `limit` members each, one at least. */
  parts(limit: number): GroupTable<R>[] {
    const parts: [string, R[]][][] = [[]];
    let count = 0;
    for (const [group, refs] of this.byGroup) {
      for (let from = 0; from < refs.length; ) {
        if (count === limit) {
          parts.push([]);
          count = 0;
        }
        const some = refs.slice(from, from + limit - count);
        parts.at(-1)!.push([group, some]);
        from += some.length;
        count += some.length;
      }
    }
    return parts;
  }

  // ── a new table that replaces this one, whole, when it is complete ──

  begin(): void {
    this.staged = new Map();
    this.stagedSize = 0;
  }

  stage(group: string, ref: R): void {
    this.stagedSize++;
    const refs = this.staged.get(group);
    if (refs === undefined) this.staged.set(group, [ref]);
    else refs.push(ref);
  }

  /** What changed with it. Refs that stay are the ones that were there. */
  commit(same: (a: R, b: R) => boolean): { type: 'join' | 'leave'; group: string; refs: readonly R[] }[] {
    const events: { type: 'join' | 'leave'; group: string; refs: readonly R[] }[] = [];
    const before = this.byGroup;
    const after = this.staged;
    this.begin();
    this.byGroup = new Map();
    this.size = 0;
    for (const group of new Set([...before.keys(), ...after.keys()])) {
      const gone = [...(before.get(group) ?? [])];
      const joined: R[] = [];
      for (const ref of after.get(group) ?? []) {
        const at = gone.findIndex((other) => same(other, ref));
        if (at < 0) joined.push(ref);
        this.add(group, at < 0 ? ref : gone.splice(at, 1)[0]!);
      }
      if (gone.length > 0) events.push({ type: 'leave', group, refs: gone });
      if (joined.length > 0) events.push({ type: 'join', group, refs: joined });
    }
    return events;
  }
}
