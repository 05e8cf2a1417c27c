// Law: what a node tells of the log of decisions and of the event bus. The routes stand in api.ts.

export interface AuditReply {
  readonly epoch: number;
  /** Entries in the log now. */
  readonly size: number;
  readonly from: number;
  readonly entries: readonly {
    readonly index: number;
    readonly kind: string;
    readonly what: string;
    readonly digest: string;
  }[];
  /** A C2SP signed note with cosignatures of quorum weight, once there is one. */
  readonly checkpoint?: string;
}

/** Entries by what they say: `key` and `digest` in lower-case hex. */
export interface AuditProofRequest {
  readonly entries: readonly {
    readonly epoch: number;
    readonly kind: 'verdict' | 'config' | 'evidence' | 'close';
    readonly key: string;
    readonly digest: string;
  }[];
  /** A checkpoint that the asker has, and that the one in the reply must extend. */
  readonly since?: { readonly epoch: number; readonly size: number } | undefined;
}

/** An event of the bus; `data` in base64. */
export interface BusEventReply {
  readonly topic: string;
  readonly key: string;
  readonly id: string;
  readonly atMs: number;
  readonly data: string;
  /** In a dead-letter topic: where it came from and why it is there. */
  readonly note?: string;
  /** For `from`: what comes after this event. */
  readonly position: string;
}

/** What a consumer of a group is given; nothing more of the source comes before `batch` is acknowledged. */
export interface BusGroupLine {
  readonly consumer: string;
  readonly batch: number;
  readonly events: readonly BusEventReply[];
}

export interface BusReply {
  /** What carries the bus: `jetstream` or `lanes`. */
  readonly kind: string;
  readonly groups: readonly {
    readonly topic: string;
    readonly group: string;
    readonly shares: readonly {
      readonly source: string;
      readonly consumer: string;
      readonly released: boolean;
      readonly sequence: number;
      readonly count: number;
      readonly attempts: number;
    }[];
  }[];
}
