// Law: when a frame arrives is a function of its path's profile, of keyed draws, and of what went the same way before; a path that is cut or
// clogged keeps what it was given, or loses it, as its fault says.
import { createDraws, type Draws, type Kernel } from '../world/index.ts';
import { type LinkProfile, linkName, type NetworkProfile } from './profile.ts';

/** One direction between two nodes. */
interface Path {
  carried: number;
  lastArrivalUs: number;
  /** Overlapping faults count. */
  blocks: number;
  clogs: number;
  holds: boolean;
  held: (() => void)[];
  /** Until then it sends what it was given before. */
  busyUntilUs: number;
}

export interface Frame {
  readonly from: number;
  readonly to: number;
  readonly sizeBytes: number;
  /** Behind everything ordered before it. */
  readonly ordered: boolean;
  /** Whether the link's loss, and its duplication, may befall it. */
  readonly mayVanish: boolean;
  readonly mayDouble: boolean;
  /** Nothing of its session reaches the other end before. */
  readonly opensAtUs: number;
}

const purpose = {
  jitter: 0,
  tail: 1,
  tailUs: 2,
  loss: 3,
  duplicate: 4,
  duplicateUs: 5,
  notice: 6,
  dial: 7,
  reorder: 8,
  reorderUs: 9,
} as const;
const duplicateMaxUs = 3_000_000;
const reorderMaxUs = 200_000;

export interface PathsOptions {
  readonly kernel: Kernel;
  readonly seed: number;
  readonly profile: () => NetworkProfile;
  readonly siteOf: (index: number) => string | undefined;
}

export class Paths {
  private readonly options: PathsOptions;
  private readonly draws: Draws;
  private readonly paths = new Map<number, Path>();
  /** Until when the line from site to site is busy, by `linkName`. */
  private readonly lines = new Map<string, number>();

  constructor(options: PathsOptions) {
    this.options = options;
    this.draws = createDraws(options.seed, 'network');
  }

  /** Nothing gets from `from` to `to` any more. `holds`: it arrives once the path is whole again, as TCP would repeat it; else it is lost. */
  block(from: number, to: number, holds: boolean): void {
    const path = this.path(from, to);
    path.blocks++;
    path.holds = holds;
  }

  /** Whether that was the last of its blocks. */
  unblock(from: number, to: number): boolean {
    const path = this.path(from, to);
    if (path.blocks === 0 || --path.blocks > 0) return false;
    release(path);
    return true;
  }

  /** What goes from `from` to `to` waits until `unclog`, however long that takes; the connection stands. */
  clog(from: number, to: number): void {
    this.path(from, to).clogs++;
  }

  unclog(from: number, to: number): void {
    const path = this.path(from, to);
    if (path.clogs === 0) return;
    path.clogs--;
    release(path);
  }

  isOneWayBlocked(from: number, to: number): boolean {
    return this.path(from, to).blocks > 0;
  }

  isBlocked(a: number, b: number): boolean {
    return this.isOneWayBlocked(a, b) || this.isOneWayBlocked(b, a);
  }

  link(from: number, to: number): LinkProfile {
    const [fromSite, toSite] = [this.options.siteOf(from), this.options.siteOf(to)];
    const { near, far, between } = this.options.profile();
    if (fromSite === toSite) return near;
    if (between === undefined || fromSite === undefined || toSite === undefined) return far;
    return between[linkName(fromSite, toSite)] ?? far;
  }

  /** When the n-th notice of `gone`'s end comes to `witness`, from now. */
  noticeUs(gone: number, witness: number, n: number): number {
    const { noticeMinUs, noticeMaxUs } = this.options.profile();
    return noticeMinUs + this.draws.below(noticeMaxUs - noticeMinUs + 1, purpose.notice, gone, witness, n);
  }

  /** How long the n-th dialing of a pair takes. */
  dialUs(a: number, b: number, n: number): number {
    const { dialMinUs, dialMaxUs } = this.options.profile();
    return dialMinUs + this.draws.below(dialMaxUs - dialMinUs + 1, purpose.dial, Math.min(a, b), Math.max(a, b), n);
  }

  /** `arriveAt` is called with the time of each arrival, now or once the path is whole; `isStill` is asked before what was held goes on. */
  carry(frame: Frame, arriveAt: (atUs: number) => void, isStill: () => boolean): void {
    const { draws } = this;
    const { from, to } = frame;
    const path = this.path(from, to);
    const n = path.carried++;
    const link = this.link(from, to);
    if (link.lossPermille > 0 && frame.mayVanish && draws.chance(link.lossPermille, purpose.loss, from, to, n)) return;
    const again =
      link.duplicatePermille > 0 &&
      frame.mayDouble &&
      draws.chance(link.duplicatePermille, purpose.duplicate, from, to, n);
    const go = (): void => {
      const sentUs = this.transmittedUs(link, path, frame);
      let atUs = Math.max(sentUs + this.latencyUs(link, from, to, n), frame.opensAtUs);
      if (link.reorderPermille > 0 && draws.chance(link.reorderPermille, purpose.reorder, from, to, n))
        atUs += 1 + draws.below(reorderMaxUs, purpose.reorderUs, from, to, n);
      else if (frame.ordered) {
        atUs = Math.max(atUs, path.lastArrivalUs);
        path.lastArrivalUs = atUs;
      }
      arriveAt(atUs);
      if (again) arriveAt(atUs + 1 + draws.below(duplicateMaxUs, purpose.duplicateUs, from, to, n));
    };
    if (path.blocks === 0 && path.clogs === 0) go();
    else if (path.blocks === 0 || path.holds) path.held.push(() => void (isStill() && go()));
  }

  private path(from: number, to: number): Path {
    const key = from * 0x1_0000 + to;
    let path = this.paths.get(key);
    if (path === undefined) {
      path = { carried: 0, lastArrivalUs: 0, blocks: 0, clogs: 0, holds: false, held: [], busyUntilUs: 0 };
      this.paths.set(key, path);
    }
    return path;
  }

  /** When the last byte has left: behind everything that was to leave by the same way before. */
  private transmittedUs(link: LinkProfile, path: Path, { from, to, sizeBytes }: Frame): number {
    const sizeUs = (bytesPerMs: number): number => Math.ceil((sizeBytes * 1_000) / bytesPerMs);
    let atUs = Math.max(this.options.kernel.nowUs, path.busyUntilUs) + sizeUs(link.bytesPerMs);
    path.busyUntilUs = atUs;
    if (link.sharedBytesPerMs !== undefined) {
      const name = linkName(this.options.siteOf(from) ?? '', this.options.siteOf(to) ?? '');
      atUs = Math.max(atUs, this.lines.get(name) ?? 0) + sizeUs(link.sharedBytesPerMs);
      this.lines.set(name, atUs);
    }
    return atUs;
  }

  private latencyUs(link: LinkProfile, from: number, to: number, n: number): number {
    const { draws } = this;
    const tail = draws.chance(link.tailPermille, purpose.tail, from, to, n)
      ? draws.below(link.tailUs + 1, purpose.tailUs, from, to, n)
      : 0;
    return link.latencyUs + draws.below(link.jitterUs + 1, purpose.jitter, from, to, n) + tail;
  }
}

function release(path: Path): void {
  if (path.blocks === 0 && path.clogs === 0) for (const carry of path.held.splice(0)) carry();
}
