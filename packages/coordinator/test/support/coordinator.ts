/** A group coordinator on fake partitions, for tests. */
import { Prng } from '@millrace/base';
import { type ManualClock, MemoryLogger } from '@millrace/base/testing';
import type { MetadataImage } from '@millrace/metadata';
import { Metrics } from '@millrace/metrics';
import { compressionCodecs } from '@millrace/protocol/io';
import { CoordinatorMetrics, GroupCoordinator } from '../../src/index.ts';
import type { FakePartitions } from './fake-partitions.ts';
import { groupsConfig } from './machine-host.ts';

export function coordinatorOn(
  partitions: FakePartitions,
  clock: ManualClock,
  image: () => MetadataImage,
): GroupCoordinator {
  return new GroupCoordinator({
    coordination: partitions,
    clock,
    random: new Prng(1),
    logger: new MemoryLogger(),
    metrics: new CoordinatorMetrics(new Metrics()),
    codecs: compressionCodecs,
    config: groupsConfig,
    countRebalance: () => {},
    image,
  });
}
