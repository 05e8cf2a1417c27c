/** See measure.mjs. */
export function main(
  cases: Readonly<Record<string, (() => Promise<number>) | ((actors: number) => unknown) | undefined>>,
): Promise<void>;
