// Law: what a link does to a frame is a function of its profile and of keyed draws; whole microseconds throughout.

/** One direction of a link between two nodes. */
export interface LinkProfile {
  /** One-way, without jitter. */
  readonly latencyUs: number;
  /** Uniform on top. */
  readonly jitterUs: number;
  /** Share of frames that meet a queue somewhere, and how much later they come, uniform. */
  readonly tailPermille: number;
  readonly tailUs: number;
  readonly lossPermille: number;
  /** Delivered a second time, later: more than the port allows, as an attacker on the path would. */
  readonly duplicatePermille: number;
  /** Comes later than those behind it, up to `reorderMaxUs`: more than the port allows, too. */
  readonly reorderPermille: number;
  /** Of this direction of this link: what is sent waits behind what was sent before. */
  readonly bytesPerMs: number;
  /** Of everything from the one site to the other together, where the sites share one line. */
  readonly sharedBytesPerMs?: number;
}

export interface NetworkProfile {
  /** Between nodes of one site, and between sites. */
  readonly near: LinkProfile;
  readonly far: LinkProfile;
  /** Of site `a` to site `b`, by `linkName(a, b)`; where nothing stands here, `far`. */
  readonly between?: Readonly<Record<string, LinkProfile>>;
  /** From a broken path, or a machine that is gone, to the moment an end notices; uniform between the two. */
  readonly noticeMinUs: number;
  readonly noticeMaxUs: number;
  /** From the wish for a connection to the connection; uniform between the two. */
  readonly dialMinUs: number;
  readonly dialMaxUs: number;
}

export function linkName(fromSite: string, toSite: string): string {
  return `${fromSite}>${toSite}`;
}

export const lan: LinkProfile = {
  latencyUs: 250,
  jitterUs: 500,
  tailPermille: 5,
  tailUs: 8_000,
  lossPermille: 0,
  duplicatePermille: 0,
  reorderPermille: 0,
  bytesPerMs: 100_000,
};
export const wan: LinkProfile = {
  latencyUs: 20_000,
  jitterUs: 15_000,
  tailPermille: 10,
  tailUs: 120_000,
  lossPermille: 0,
  duplicatePermille: 0,
  reorderPermille: 0,
  bytesPerMs: 5_000,
};

export const calm: NetworkProfile = {
  near: lan,
  far: wan,
  noticeMinUs: 300_000,
  noticeMaxUs: 9_000_000,
  dialMinUs: 5_000,
  dialMaxUs: 1_200_000,
};
