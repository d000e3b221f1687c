import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts'],
    testTimeout: 120_000, // against hanging only: performance is never asserted in a test
    pool: 'threads',
    maxWorkers: 2,
  },
});
