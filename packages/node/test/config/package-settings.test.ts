/**
 * Goal: the compiler refuses a setting that nothing receives, and a field that no setting fills. Packages get
 * the table's defaults and the user's values. Method: types with a planted name must not compile. Then the
 * tests make the settings of each package from a configuration.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReplicationConfig } from '@millrace/replication';
import { expect, test } from 'vitest';
import { computed, type FieldsOf, fill, type IsComplete, type ValueName } from '../../src/config/fields.ts';
import { fixedSettings } from '../../src/config/fixed-settings.ts';
import {
  controllerConfig,
  frontEndConfig,
  isEveryValueReceived,
  lifecycleConfig,
  ownSettings,
  quorumConfig,
  type Received,
  replicationConfig,
} from '../../src/config/package-settings.ts';
import { nodeConfig } from '../support/config.ts';

const SOURCE = join(import.meta.dirname, '../../src');

test('a setting that no package receives does not compile', () => {
  const complete: IsComplete<ValueName, Received> = true;
  expect(complete).toBe(isEveryValueReceived);
  // @ts-expect-error: nothing receives the planted setting
  const planted: IsComplete<ValueName | 'planted.ms', Received> = true;
  // @ts-expect-error: the setting that this type leaves out has no receiver except replicationFields
  const dropped: IsComplete<ValueName, Exclude<Received, 'replica.lag.time.max.ms'>> = true;
  expect([planted, dropped]).toEqual([true, true]);
});

test('a field of a package that no value fills does not compile', () => {
  interface Limits {
    readonly idleMs: number;
    readonly level: string;
  }
  const filled = { idleMs: 'connections.max.idle.ms', level: 'logger.level' } as const;
  expect(fill<Limits>(filled, nodeConfig())).toEqual({ idleMs: 600_000, level: 'info' });
  // @ts-expect-error: nothing fills the planted field
  const unfilled: FieldsOf<Limits & { readonly plantedMs: number }> = filled;
  // @ts-expect-error: the value is a text, and the field a number
  const mistyped: FieldsOf<Limits> = { idleMs: 'logger.level', level: 'logger.level' };
  // @ts-expect-error: no such value
  const unknown: FieldsOf<Limits> = { idleMs: 'planted.ms', level: 'logger.level' };
  // @ts-expect-error: the value is not listed, so it would not count as received
  const unlisted = computed(['node.id'], (values) => values['connections.max.idle.ms']);
  expect([unfilled, mistyped, unknown, unlisted].length).toBe(4);
});

test('packages get the defaults of the table, and no others', () => {
  const config = nodeConfig();
  expect(quorumConfig(config)).toMatchObject({ fetchTimeoutMs: 1000, fetchMaxWaitMs: 400 });
  expect(controllerConfig(config)).toMatchObject({ sessionTimeoutMs: 3000, connectionLossGraceMs: 100 });
  expect(lifecycleConfig(config)).toEqual({
    sessionTimeoutMs: 3000,
    minInsyncReplicas: 1,
    heartbeatIntervalMs: 500,
    controlledShutdownMaxMs: fixedSettings.controlledShutdownMaxMs,
  });
  expect(frontEndConfig(config)).toMatchObject({ limits: { idleMs: 600_000 }, autoCreateTopics: true });
  const replication: ReplicationConfig = replicationConfig(config);
  expect(replication).toMatchObject({ interBrokerListenerName: 'PLAINTEXT', replicaLagTimeMaxMs: 30_000 });
  expect(Object.values(replication)).not.toContain(undefined);
});

test('a value that the user sets reaches every package that uses it', () => {
  const config = nodeConfig({
    'broker.session.timeout.ms': '4000',
    'socket.request.max.bytes': '2000000000',
    'min.insync.replicas': '2',
  });
  expect(controllerConfig(config).sessionTimeoutMs).toBe(4000);
  expect(lifecycleConfig(config)).toMatchObject({ sessionTimeoutMs: 4000, minInsyncReplicas: 2 });
  expect(frontEndConfig(config).limits.requestMaxBytes).toBe(2_000_000_000);
  expect(replicationConfig(config).maxResponseFrameBytes).toBe(2_010_485_760);
  expect(controllerConfig(config).serverProperties.get('min.insync.replicas')).toBe('2');
  expect(replicationConfig(config).brokerProperties.get('min.insync.replicas')).toBe('2');
});

test('a dynamic setting keeps within the bounds that the user sets', () => {
  const config = nodeConfig({ 'group.consumer.max.assignment.interval.ms': '5000' });
  const setting = controllerConfig(config).brokerSettings.get('group.consumer.assignment.interval.ms')!;
  expect(['5000', ' 0 ', '5001', 'x'].map((value) => setting.check(value))).toEqual([
    undefined,
    undefined,
    'must be an integer from 0 to 5000',
    'must be an integer of at least 0',
  ]);
});

test.each(ownSettings)('the node itself reads %s', (name) => {
  const readers = ['config/node-config.ts', 'start-node.ts', 'roles/broker-config.ts'];
  const text = readers.map((file) => readFileSync(join(SOURCE, file), 'utf8')).join('\n');
  expect(text).toMatch(new RegExp(`settings(\\['${name.replaceAll('.', '\\.')}'\\]|\\.${name}\\b)`));
});
