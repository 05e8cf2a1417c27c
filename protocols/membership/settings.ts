// Law: the defaults keep two promises at once: a killed node is known dead in less than 5 s, and a node that stood still for 2 s is not
// declared dead. The shortest suspicion is longer than the pause; everything before and after it fits in what is left.

export interface DetectorSettings {
  /** A node probes one other node per interval. */
  readonly probeIntervalMs: number;
  /** Then others are asked to try; the interval's rest is theirs. */
  readonly probeTimeoutMs: number;
  /** How many others are asked. */
  readonly indirectProbes: number;
  /** Times log10(nodes) times `probeIntervalMs`: the shortest suspicion, unless `minSuspicionMs` is longer. */
  readonly suspicionMultiplier: number;
  readonly minSuspicionMs: number;
  /** The longest suspicion, as a multiple of the shortest. */
  readonly maxSuspicionFactor: number;
  /** Further accusers that bring a suspicion to its shortest. */
  readonly confirmations: number;
  /** So long before its verdict a node asks the suspect itself once more. */
  readonly lastWordMs: number;
  /** Local health runs in [0, awarenessMax): a node in trouble probes up to that many times more slowly. */
  readonly awarenessMax: number;
  readonly gossipIntervalMs: number;
  readonly gossipFanout: number;
  readonly retransmitMultiplier: number;
  /** A node compares all it knows with one other node per interval. */
  readonly syncIntervalMs: number;
  /** And with one dead node, so that a healed partition finds together. */
  readonly reviveIntervalMs: number;
  /** Whoever is not accepted itself looks at nobody: per interval it asks one node what the others believe. */
  readonly watchIntervalMs: number;
  /** Woken this late, a node takes itself for unwell. */
  readonly stallMs: number;
  /** More than this many ids are not kept. */
  readonly maxNodes: number;
}

export const defaultSettings: DetectorSettings = {
  probeIntervalMs: 300,
  probeTimeoutMs: 150,
  indirectProbes: 3,
  suspicionMultiplier: 3,
  minSuspicionMs: 3_000,
  maxSuspicionFactor: 1.25,
  confirmations: 3,
  lastWordMs: 700,
  awarenessMax: 8,
  gossipIntervalMs: 100,
  gossipFanout: 3,
  retransmitMultiplier: 4,
  syncIntervalMs: 10_000,
  reviveIntervalMs: 5_000,
  watchIntervalMs: 2_000,
  stallMs: 500,
  maxNodes: 4_096,
};
