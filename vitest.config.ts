import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { OWN_THREAD } from './scripts/own-thread.ts';

/** Uses both cores: two processes run the seeds. */
const SEEDS = 'packages/sim/test/scenarios/seeds.test.ts';
/** A guarded run wraps the global functions of its thread for good. No other test shares these threads. */
const SIMULATOR = ['packages/sim/test/**/*.test.ts', 'packages/cli/test/sim/failure.test.ts'];
const ALL = ['packages/*/test/**/*.test.ts', 'scripts/*.test.ts', 'examples/*/*.test.ts'];
/** These two files run with the end-to-end tests, which fetch the tools that the two files need. */
const ELSEWHERE = [
  'packages/log/test/scenarios/kafka-dump-log.test.ts',
  'packages/protocol/test/scenarios/kafka-schemas.test.ts',
];

/**
 * The files of a project share two threads, unless `isolate` is true: a new thread would load and compile
 * everything again. Vitest runs the groups in turn, and the projects of a group in the order of their names.
 */
function project(
  name: string,
  groupOrder: number,
  include: readonly string[],
  exclude: readonly string[] = [],
  isolate = false,
): TestProjectInlineConfiguration {
  const files = { include: [...include], exclude: [...exclude] };
  return { extends: true, test: { name, ...files, isolate, sequence: { groupOrder } } };
}

export default defineConfig({
  test: {
    testTimeout: 120_000, // ends a test that hangs
    pool: 'threads',
    maxWorkers: 2,
    projects: [
      project('seeds', 0, [SEEDS]),
      project('own thread', 1, OWN_THREAD, [], true),
      project('simulator', 1, SIMULATOR, [SEEDS, ...OWN_THREAD]),
      project('units', 1, ALL, [...SIMULATOR, ...ELSEWHERE, ...OWN_THREAD]),
    ],
  },
});
