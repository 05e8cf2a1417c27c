// Law: how long to wait is arithmetic, kept apart from the machine that waits. SWIM's timeout grows with the logarithm of the mesh;
// Lifeguard starts a suspicion at its longest and shortens it with each independent accuser (Dadgar, Phillips, Currey 2018).

/** The shortest suspicion in a mesh of `nodes`, in milliseconds. */
export function suspicionTimeoutMs(multiplier: number, nodes: number, intervalMs: number): number {
  const scale = Math.max(1, Math.log10(Math.max(1, nodes)));
  return (multiplier * Math.trunc(scale * 1000) * intervalMs) / 1000;
}

/** How long a suspicion lasts in all once `confirmations` of the `needed` further accusers have spoken. */
export function suspicionLengthMs(confirmations: number, needed: number, minMs: number, maxMs: number): number {
  if (needed < 1) return minMs;
  const share = Math.log(confirmations + 1) / Math.log(needed + 1);
  return Math.max(minMs, Math.floor(maxMs - share * (maxMs - minMs)));
}

/** How often one node repeats a claim: enough for an epidemic to reach everyone. */
export function retransmitLimit(multiplier: number, nodes: number): number {
  return multiplier * Math.ceil(Math.log10(nodes + 1));
}

export interface Suspicion {
  readonly confirmations: number;
  /** True where `accuser` is new and still counts. */
  confirm(accuser: string): boolean;
  deadlineMs(): number;
  /** Moves the whole suspicion: time in which this node could not have heard a refutation. */
  postpone(byMs: number): void;
}

export function createSuspicion(options: {
  readonly accuser: string;
  /** Further accusers until the suspicion is at its shortest. */
  readonly needed: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly startMs: number;
}): Suspicion {
  const { needed, minMs, maxMs } = options;
  const accusers = new Set([options.accuser]);
  let startMs = options.startMs;
  return {
    get confirmations() {
      return accusers.size - 1;
    },
    confirm(accuser) {
      if (accusers.size > needed || accusers.has(accuser)) return false;
      accusers.add(accuser);
      return true;
    },
    deadlineMs: () => startMs + suspicionLengthMs(accusers.size - 1, needed, minMs, maxMs),
    postpone(byMs) {
      startMs += byMs;
    },
  };
}

/** Lifeguard's local health: 0 is well; each sign that this node itself is slow stretches its own probes by one interval more. */
export interface Awareness {
  readonly score: number;
  apply(delta: number): void;
  scale(ms: number): number;
}

/** The score stays in [0, max). */
export function createAwareness(max: number): Awareness {
  let score = 0;
  return {
    get score() {
      return score;
    },
    apply(delta) {
      score = Math.min(max - 1, Math.max(0, score + delta));
    },
    scale: (ms) => ms * (score + 1),
  };
}
