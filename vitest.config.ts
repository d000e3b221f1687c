import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts'],
    exclude: ['packages/log/test/kafka-dump-log.test.ts'], // with the end-to-end tests
    testTimeout: 120_000, // against hanging only: performance is never asserted in a test
    pool: 'threads',
    maxWorkers: 2,
  },
});
