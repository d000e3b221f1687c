import { defineConfig } from 'vitest/config';

/**
 * Tests against six real processes, with clients nobody here wrote. They share the cluster and the cores: one
 * by one.
 */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: [
      'lib/*.test.ts',
      'clients/*.test.ts',
      'soak/*.test.ts',
      'bench/*.test.ts',
      'wire/*.test.ts',
      'published.test.ts',
      '../packages/log/test/kafka-dump-log.test.ts', // needs Kafka's own tools, as the console tools do
      '../packages/protocol/test/kafka-schemas.test.ts', // needs Maven, as the Java client does
    ],
    globalSetup: ['lib/global-setup.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
  },
});
