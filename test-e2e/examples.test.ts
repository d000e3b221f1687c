/**
 * Goal: examples/kafkajs works against a running cluster. Method: the test runs the example as the example's
 * README says.
 */
import { expect, inject, test } from 'vitest';
import { topicOf } from './clients/round-trip.ts';
import { run } from './lib/exec.ts';
import { repositoryRoot } from './lib/paths.ts';

test('examples/kafkajs prints the orders that it sent, those of one customer in order', async () => {
  const topic = topicOf('example-kafkajs');
  const { stdout } = await run(process.execPath, ['examples/kafkajs/orders.ts'], {
    cwd: repositoryRoot,
    env: { BOOTSTRAP_SERVERS: inject('bootstrapServers'), TOPIC: topic },
    timeoutMs: 30_000,
  });
  const lines = String(stdout).trim().split('\n');
  for (const line of lines) expect(line).toMatch(new RegExp(`^${topic}-[012] @ [012]: `));
  const orders = lines.map((line) => line.slice(line.indexOf(': ') + 2));
  expect(orders.filter((order) => order.startsWith('ada'))).toEqual([
    'ada ordered two coffees',
    'ada ordered one cake',
  ]);
  expect(orders.filter((order) => !order.startsWith('ada'))).toEqual(['grace ordered one tea']);
});
