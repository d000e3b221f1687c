import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** These files start nodes of their own or none, and measure no time. So two of them may run at once. */
const APART = [
  'published.test.ts',
  'exchange/*.test.ts',
  'groups/console.test.ts',
  'chaos/*.test.ts',
  'soak/log.test.ts',
  '../packages/log/test/scenarios/kafka-dump-log.test.ts', // needs Kafka's own tools, like the console tools
  '../packages/protocol/test/scenarios/kafka-schemas.test.ts', // needs Maven, like the Java client
];
const ALL = [
  'lib/*.test.ts',
  'clients/*.test.ts',
  'soak/**/*.test.ts',
  'bench/**/*.test.ts',
  'wire/*.test.ts',
  'groups/*.test.ts',
  'examples.test.ts',
];

function project(
  name: string,
  groupOrder: number,
  maxWorkers: number,
  include: readonly string[],
  exclude: readonly string[] = [],
): TestProjectInlineConfiguration {
  const files = { include: [...include], exclude: [...exclude] };
  return { extends: true, test: { name, ...files, maxWorkers, sequence: { groupOrder } } };
}

/** Tests against real processes, with the clients of other projects. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    globalSetup: ['lib/global-setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    projects: [
      project('apart', 0, 2, APART),
      // These files share the cluster and the cores, so they run one after the other.
      project('one cluster', 1, 1, ALL, APART),
    ],
  },
});
