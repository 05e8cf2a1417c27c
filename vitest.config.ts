// Law: every test runs on loopback, in its own temporary folder, and ends what it starts.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{actors,protocols,consensus,node,sim,tools,test}/**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**'],
    pool: 'forks',
    // Two workers on two cores: end-to-end tests start real processes and must not starve them.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
  },
});
