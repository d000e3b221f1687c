import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'scripts/*.test.ts', 'examples/*/*.test.ts'],
    // These two files run with the end-to-end tests, which fetch the tools that the two files need.
    exclude: [
      'packages/log/test/scenarios/kafka-dump-log.test.ts',
      'packages/protocol/test/scenarios/kafka-schemas.test.ts',
    ],
    testTimeout: 120_000, // ends a test that hangs
    pool: 'threads',
    maxWorkers: 2,
  },
});
