import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'tests/**/*.test.ts'],
    exclude: ['tests/architecture/fixtures/**', 'node_modules/**'],
    pool: 'forks',
    maxWorkers: 2,
    // What a worker has loaded it keeps for its next file: loading was a quarter of the processor time of a run.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: ['tests/support/global-setup.ts'],
  },
})
