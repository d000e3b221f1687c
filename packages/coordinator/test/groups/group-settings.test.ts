/** Goal: a config that a group sets overrides the setting of the broker. Method: examples. */
import { applyRecords, MetadataImage, type MetadataRecord } from '@millrace/metadata';
import { expect, test } from 'vitest';
import { consumerGroupSettings } from '../../src/groups/group-settings.ts';
import { groupsConfig } from '../support/machine-host.ts';

function settingsOf(
  groupId: string,
  ...set: [resourceType: 'group' | 'broker', name: string, ...string[]][]
) {
  const records = set.map(
    ([resourceType, resourceName, name, value]): MetadataRecord => ({
      type: 'config',
      resourceType,
      resourceName,
      name: name!,
      value,
    }),
  );
  const image =
    records.length === 0
      ? MetadataImage.EMPTY
      : applyRecords(MetadataImage.EMPTY, { baseOffset: 0, epoch: 1, records }).image;
  return consumerGroupSettings(image, groupsConfig, groupId);
}

const INTERVAL = 'group.consumer.assignment.interval.ms';

test('a group without configs has the settings of the broker, as the same object', () => {
  expect(settingsOf('g')).toBe(groupsConfig.consumer);
  expect(settingsOf('g', ['group', 'f', 'consumer.session.timeout.ms', '50000'])).toBe(groupsConfig.consumer);
});

test('each config of a group overrides only its own setting', () => {
  expect(settingsOf('g', ['group', 'g', 'consumer.session.timeout.ms', '50000'])).toEqual({
    ...groupsConfig.consumer,
    sessionTimeoutMs: 50_000,
  });
  expect(settingsOf('g', ['group', 'g', 'consumer.heartbeat.interval.ms', '7000'])).toEqual({
    ...groupsConfig.consumer,
    heartbeatIntervalMs: 7000,
  });
});

test('assignment.interval.ms comes from the group, else from this broker, else from all brokers, else from the configuration', () => {
  const ofAll = ['broker', '', INTERVAL, '1'] as ['broker', string, string, string];
  const ofOne = ['broker', '1', INTERVAL, '2'] as ['broker', string, string, string];
  const ofOther = ['broker', '2', INTERVAL, '3'] as ['broker', string, string, string];
  const own = ['group', 'g', 'consumer.assignment.interval.ms', '4'] as ['group', string, string, string];
  expect(settingsOf('g', ofAll, ofOther).assignmentIntervalMs).toBe(1);
  expect(settingsOf('g', ofAll, ofOne).assignmentIntervalMs).toBe(2);
  expect(settingsOf('g', ofAll, ofOne, own).assignmentIntervalMs).toBe(4);
  expect(settingsOf('f', ofOther, own).assignmentIntervalMs).toBe(groupsConfig.consumer.assignmentIntervalMs);
});
