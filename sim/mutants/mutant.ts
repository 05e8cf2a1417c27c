// Law: a mutant is data: where it is planted, and what it is hunted with.
export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Each text stands exactly once in the file. */
  readonly edits: readonly (readonly [from: string, to: string])[];
  /** Of `swarm`; some mistakes matter only in meshes of this size. Default 4. */
  readonly nodes?: number;
  /** What it is hunted with: a scenario, or `consensus`: the engine alone, among meshes, faults and twins drawn from the seed. Default `swarm`. */
  readonly scenario?: string;
}
