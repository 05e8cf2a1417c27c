// Law: a disk outlives the processes that write it. What was acknowledged as durable is there in the next life; what was written and not
// made durable is there, gone, cut or holed as a draw says, each append and each write for itself whole or torn as the port allows.
import { createDraws, type Draws, type Kernel, type Life } from '../world/index.ts';

export interface DiskProfile {
  /** Uniform up to these, microseconds. */
  readonly readUs: number;
  readonly appendUs: number;
  readonly syncUs: number;
  /** Now and then an fsync waits for everybody else's. */
  readonly stallPermille: number;
  readonly stallUs: number;
}

export const quickDisk: DiskProfile = { readUs: 150, appendUs: 60, syncUs: 4_000, stallPermille: 5, stallUs: 80_000 };

/** Every operation takes `factor` times as long. */
export function slower(profile: DiskProfile, factor: number): DiskProfile {
  const { readUs, appendUs, syncUs, stallPermille, stallUs } = profile;
  return {
    readUs: readUs * factor,
    appendUs: appendUs * factor,
    syncUs: syncUs * factor,
    stallPermille,
    stallUs: stallUs * factor,
  };
}

/** An append file's bytes; those from `syncedBytes` on are the operating system's alone. */
export interface FileBody {
  bytes: Uint8Array;
  sizeBytes: number;
  syncedBytes: number;
  /** A failed fsync: takes nothing more until it is opened again. */
  isBroken: boolean;
}

/** A bit that comes back wrong, or what comes back instead of what was written. */
type Overlay = { readonly bit: number } | { readonly bit?: never; readonly reads: Uint8Array | undefined };

export interface DiskImage {
  readonly files: ReadonlyMap<string, FileBody>;
  readonly tables: ReadonlyMap<string, Map<string, Uint8Array>>;
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

export type OperationKind = 'read' | 'append' | 'sync' | 'write';

interface Operation {
  readonly target: string;
  readonly apply: () => void;
}

const purpose = { delay: 0, stall: 1, error: 2, applied: 3, tear: 4, tearAt: 5, promised: 6 } as const;
const pageBytes = 512;

export class Disk {
  readonly files = new Map<string, FileBody>();
  readonly tables = new Map<string, Map<string, Uint8Array>>();
  readonly blobs = new Map<string, Uint8Array>();
  /** Bits of rows that come back wrong, over what was written: by table and key. A new write of the row is whole. */
  private readonly rot = new Map<string, Map<string, Overlay>>();
  /** While set, a finished sync has promised what the disk has not done. Newest last: what each write of a row replaced. */
  private unsynced: (() => void)[] | undefined;
  /** Faults that may be lifted again. */
  slowFactor = 1;
  errorPermille = 0;
  private readonly kernel: Kernel;
  private readonly node: number;
  private readonly profile: DiskProfile;
  private readonly draws: Draws;
  private readonly under = new Set<Operation>();
  private readonly busyUntilUs = new Map<string, number>();
  private operations = 0;
  private crashes = 0;

  private readonly onBegin: (kind: OperationKind, target: string) => void;

  constructor(options: {
    readonly kernel: Kernel;
    readonly node: number;
    readonly seed: number;
    readonly profile: DiskProfile;
    /** An operation was asked for, by a node that runs. */
    readonly onBegin?: (kind: OperationKind, target: string) => void;
  }) {
    this.onBegin = options.onBegin ?? (() => {});
    this.kernel = options.kernel;
    this.node = options.node;
    this.profile = options.profile;
    this.draws = createDraws(options.seed, 'disk');
  }

  /**
   * One operation on `target`, behind those before it. `apply` runs when the disk does it; without one it only reads. Rejects with the
   * disk's error where a fault says so, and never settles where the life ends first.
   */
  operate<T>(life: Life, kind: OperationKind, target: string, apply: () => T, bytes?: Uint8Array): Promise<T> {
    const n = this.operations++;
    const { readUs, appendUs, syncUs, stallPermille, stallUs } = this.profile;
    const upToUs = { read: readUs, append: appendUs, sync: syncUs, write: syncUs }[kind];
    const isDurable = kind === 'sync' || kind === 'write';
    const stalledUs = isDurable && this.draws.chance(stallPermille, purpose.stall, this.node, 0, n) ? stallUs : 0;
    const delayUs = (1 + this.draws.below(upToUs, purpose.delay, this.node, 0, n) + stalledUs) * this.slowFactor;
    const doneUs = Math.max(this.kernel.nowUs + delayUs, this.busyUntilUs.get(target) ?? 0);
    this.busyUntilUs.set(target, doneUs);
    return new Promise<T>((resolve, reject) => {
      const operation: Operation = { target, apply };
      if (kind !== 'read' && life.isAlive) this.under.add(operation);
      life.after(
        doneUs - this.kernel.nowUs,
        `disk.${kind}`,
        () => {
          this.under.delete(operation);
          if (kind !== 'read' && this.draws.chance(this.errorPermille, purpose.error, this.node, 0, n))
            return reject(new Error(`EIO: ${kind} on ${target} failed on this disk`));
          try {
            resolve(apply());
          } catch (error) {
            reject(error);
          }
        },
        bytes,
      );
      if (life.isAlive) this.onBegin(kind, target);
    });
  }

  /** `bit` counts from the first bit of the row. */
  damage(table: string, key: string, bit: number): void {
    this.overlay(table, key, { bit });
  }

  /** What was written as the row `key` went to where `other` stands: the one is missing, and the other reads as the first. */
  misplace(table: string, key: string, other: string): void {
    this.overlay(table, other, { reads: this.tables.get(table)?.get(key) });
    this.overlay(table, key, { reads: undefined });
  }

  private overlay(table: string, key: string, overlay: Overlay): void {
    this.rot.set(table, (this.rot.get(table) ?? new Map<string, Overlay>()).set(key, overlay));
  }

  /** From now on nothing becomes durable, whatever the disk says; false: from now on all does. */
  lieAboutSyncs(isLying: boolean): void {
    this.unsynced = isLying ? [] : undefined;
  }

  get isLyingAboutSyncs(): boolean {
    return this.unsynced !== undefined;
  }

  /** Everything on it, copied: for a machine that is started on another's disk, or on its own of an earlier day. */
  image(): DiskImage {
    return {
      files: new Map([...this.files].map(([name, file]) => [name, { ...file, bytes: file.bytes.slice() }])),
      tables: new Map([...this.tables].map(([name, rows]) => [name, new Map(rows)])),
      blobs: new Map(this.blobs),
    };
  }

  /** In place of all that is on it. To be called while no process runs. */
  become({ files, tables, blobs }: DiskImage): void {
    this.rot.clear();
    for (const [own, other] of [
      [this.files, files],
      [this.tables, tables],
      [this.blobs, blobs],
    ] as const) {
      own.clear();
      for (const [name, held] of other) (own as Map<string, unknown>).set(name, held);
    }
  }

  isDamaged(table: string, key: string): boolean {
    return this.rot.get(table)?.has(key) === true;
  }

  /** Every damaged row is again what was written. */
  lift(): void {
    this.rot.clear();
  }

  /** A row as this disk gives it back: a copy. */
  row(table: string, key: string): Uint8Array | undefined {
    const overlay = this.rot.get(table)?.get(key);
    if (overlay !== undefined && 'reads' in overlay) return overlay.reads?.slice();
    const copy = this.tables.get(table)?.get(key)?.slice();
    const bit = overlay?.bit;
    if (copy !== undefined && bit !== undefined && bit < 8 * copy.length) copy[bit >> 3]! ^= 1 << (bit & 7);
    return copy;
  }

  /** Undefined deletes. */
  setRow(table: string, key: string, value: Uint8Array | undefined): void {
    this.rot.get(table)?.delete(key);
    const before = this.tables.get(table)?.get(key);
    this.unsynced?.push(() => {
      if (before === undefined) this.tables.get(table)?.delete(key);
      else this.tables.get(table)?.set(key, before);
    });
    if (value === undefined) this.tables.get(table)?.delete(key);
    else this.tables.get(table)?.set(key, value);
  }

  /** After the life has ended. `power`: with the operating system's memory; else only the process is gone. */
  crash(power: boolean): void {
    const crash = this.crashes++;
    const byTarget = Map.groupBy(this.under, ({ target }) => target);
    this.under.clear();
    this.busyUntilUs.clear();
    let n = 0;
    for (const operations of byTarget.values()) {
      // What was under way at one target was done in order, up to some point.
      const done = this.draws.below(operations.length + 1, purpose.applied, this.node, crash, n++);
      for (const { apply } of operations.slice(0, done)) apply();
    }
    if (!power) return;
    const promised = this.unsynced?.splice(0) ?? [];
    const kept = this.draws.below(promised.length + 1, purpose.promised, this.node, crash, n++);
    for (const undo of promised.slice(kept).reverse()) undo();
    for (const file of this.files.values()) this.tear(file, crash, n++);
  }

  private tear(file: FileBody, crash: number, n: number): void {
    const looseBytes = file.sizeBytes - file.syncedBytes;
    if (looseBytes > 0) {
      const atByte = file.syncedBytes + this.draws.below(looseBytes + 1, purpose.tearAt, this.node, crash, n);
      switch (this.draws.below(5, purpose.tear, this.node, crash, n)) {
        case 0:
          break;
        case 1:
          file.sizeBytes = file.syncedBytes;
          break;
        case 2:
          file.sizeBytes = atByte;
          break;
        case 3:
          // The length was written, the pages were not.
          file.bytes.fill(0, atByte, file.sizeBytes);
          break;
        case 4: {
          // Pages reach a disk in any order.
          const page = Math.floor(atByte / pageBytes) * pageBytes;
          file.bytes.fill(0, Math.max(page, file.syncedBytes), Math.min(page + pageBytes, file.sizeBytes));
          break;
        }
      }
    }
    file.syncedBytes = file.sizeBytes;
  }
}
