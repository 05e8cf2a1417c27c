// Law: a short list of numbers for each agent, in one array for all: what a swarm of 100,000 walks through lies side by side.

/** `data[row * stride + i]` is the i-th of a row's `counts[row]` numbers, for loops that must not pay for a call. */
export interface Rows {
  readonly data: Int32Array;
  readonly stride: number;
  readonly counts: Int32Array;
  has(row: number, value: number): boolean;
  push(row: number, value: number): void;
  /** The others keep their order. */
  remove(row: number, value: number): void;
}

export function createRows(rows: number, firstStride: number): Rows {
  let stride = firstStride;
  let data = new Int32Array(rows * stride);
  const counts = new Int32Array(rows);
  const widen = (): void => {
    const [old, oldStride] = [data, stride];
    stride *= 2;
    data = new Int32Array(rows * stride);
    for (let row = 0; row < rows; row++)
      data.set(old.subarray(row * oldStride, row * oldStride + counts[row]!), row * stride);
  };
  const find = (row: number, value: number): number => {
    const begin = row * stride;
    for (let at = begin + counts[row]! - 1; at >= begin; at--) if (data[at] === value) return at;
    return -1;
  };
  return {
    get data() {
      return data;
    },
    get stride() {
      return stride;
    },
    counts,
    has: (row, value) => find(row, value) >= 0,
    push(row, value) {
      if (counts[row] === stride) widen();
      data[row * stride + counts[row]!++] = value;
    },
    remove(row, value) {
      const at = find(row, value);
      if (at < 0) return;
      data.copyWithin(at, at + 1, row * stride + counts[row]!);
      counts[row]!--;
    },
  };
}
