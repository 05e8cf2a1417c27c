/** See measure.mjs. */
export function main(
  cases: Readonly<
    Record<
      string,
      (() => Promise<readonly [operations: number, end?: () => unknown]>) | ((actors: number) => unknown) | undefined
    >
  >,
): Promise<void>;
