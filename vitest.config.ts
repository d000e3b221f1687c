import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'scripts/*.test.ts', 'examples/*/*.test.ts'],
    // With the end-to-end tests: they need what is fetched for those.
    exclude: [
      'packages/log/test/scenarios/kafka-dump-log.test.ts',
      'packages/protocol/test/scenarios/kafka-schemas.test.ts',
    ],
    testTimeout: 120_000, // against hanging
    pool: 'threads',
    maxWorkers: 2,
  },
});
