// Law: every test runs on loopback, in its own temporary folder, and ends what it starts.
import { defineConfig } from 'vitest/config';

const endToEnd = 'test/e2e/**/*.test.ts';

export default defineConfig({
  test: {
    exclude: ['node_modules/**', 'dist/**'],
    pool: 'forks',
    // Ends what hangs, and judges nothing: a machine under load gives a test a tenth of a processor. Waits inside tests end earlier, and say
    // what they waited for.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    teardownTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['{actors,protocols,consensus,node,sim,tools,test}/**/*.test.ts'],
          exclude: [endToEnd],
          // Two workers on two cores: tests of parts start processes too and must not starve them.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'end to end',
          include: [endToEnd],
          // A mesh of processes fills the machine: one file at a time, after everything else.
          maxWorkers: 1,
          // Every wait in them has an end of its own, which says what it waited for: these are above any sum of them that means anything.
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
