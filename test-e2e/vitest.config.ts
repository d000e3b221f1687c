import { defineConfig } from 'vitest/config';

/**
 * Tests against six real processes, with the clients of other projects. The test files share the cluster and
 * the cores, so they run one after the other.
 */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: [
      'lib/*.test.ts',
      'clients/*.test.ts',
      'soak/**/*.test.ts',
      'bench/**/*.test.ts',
      'exchange/*.test.ts',
      'wire/*.test.ts',
      'groups/*.test.ts',
      'examples.test.ts',
      'published.test.ts',
      '../packages/log/test/scenarios/kafka-dump-log.test.ts', // needs Kafka's own tools, like the console tools
      '../packages/protocol/test/scenarios/kafka-schemas.test.ts', // needs Maven, like the Java client
    ],
    globalSetup: ['lib/global-setup.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
  },
});
