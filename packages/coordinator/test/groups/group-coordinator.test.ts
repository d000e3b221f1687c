/** Goal: a broker answers for groups that it does not coordinate. */
import { Prng } from '@millrace/base';
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import { MetadataImage } from '@millrace/metadata';
import { Metrics } from '@millrace/metrics';
import { ErrorCode } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, it } from 'vitest';
import { CoordinatorMetrics, GroupCoordinator } from '../../src/index.ts';
import { FakePartitions } from '../support/fake-partitions.ts';
import { groupsConfig } from '../support/machine-host.ts';

function coordinator(): GroupCoordinator {
  const clock = new ManualClock();
  return new GroupCoordinator({
    coordination: new FakePartitions(clock),
    clock,
    random: new Prng(1),
    logger: new MemoryLogger(),
    metrics: new CoordinatorMetrics(new Metrics()),
    codecs: compressionCodecs,
    config: groupsConfig,
    image: () => MetadataImage.EMPTY,
  });
}

it('describes no consumer group with the empty id; a classic group may have it', () => {
  const told: unknown[] = [];
  coordinator().describe(['', 'g'], (groups) => told.push(groups));
  coordinator().describeClassic([''], 6, (groups) => told.push(groups));
  expect(told).toEqual([
    [
      { groupId: '', errorCode: ErrorCode.INVALID_GROUP_ID },
      { groupId: 'g', errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE },
    ],
    [{ groupId: '', errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE }],
  ]);
});
