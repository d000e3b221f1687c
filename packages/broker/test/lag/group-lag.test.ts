/**
 * In these tests the broker itself leads all partitions. group-lag.test.ts of the package `node` tests the
 * lag in partitions that other brokers lead.
 */
import { Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import type { GroupCoordinator } from '@millrace/coordinator';
import { Metrics } from '@millrace/metrics';
import { expect, test } from 'vitest';
import { GroupLag } from '../../src/lag/group-lag.ts';
import { cluster, imageOf, TOPIC_ID } from '../support/broker.ts';

function bench() {
  const committed = { topicId: TOPIC_ID, partition: 0, offset: 3 };
  let fails = false;
  const shards = () => {
    if (fails) throw new Error('no shards');
    const offsets = { topics: new Map([['words', [committed]]]) };
    return { machines: [{ offsetCount: 1, offsetsByGroup: [['g', offsets]] }] };
  };
  const image = imageOf(cluster());
  const ports = {
    brokerId: 1,
    net: undefined as never,
    timers: new Timers(new ManualClock()),
    listenerName: 'INTERNAL',
    image: () => image,
    highWatermark: () => 10,
    groups: { runtime: { shards } as unknown as GroupCoordinator['runtime'] },
    seriesMax: 5,
  };
  const metrics = new Metrics();
  new GroupLag(ports, metrics);
  /** Undefined: the scrape waits. */
  const scrape = () => {
    let found: unknown;
    metrics.prepare(() => {
      found = metrics.values('millrace_group_lag');
    });
    return found;
  };
  const fail = (now: boolean) => {
    fails = now;
  };
  return { scrape, fail };
}

const LAG = [{ labels: ['g', 'words', '0'], value: 7 }];

test('the lag is the high watermark minus the committed offset', () => {
  expect(bench().scrape()).toEqual(LAG);
});

test('a scrape succeeds after an earlier reading has failed', () => {
  const { scrape, fail } = bench();
  fail(true);
  expect(scrape).toThrow('no shards');
  fail(false);
  expect(scrape()).toEqual(LAG);
});
