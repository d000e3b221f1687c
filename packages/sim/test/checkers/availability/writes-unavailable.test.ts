import { expect, it } from 'vitest';
import { writesUnavailable } from '../../../src/checkers/availability/writes-unavailable.ts';
import type { SimNode } from '../../../src/cluster/index.ts';
import { SECOND } from '../../../src/world/index.ts';
import { batch, SmallCluster, violationOf } from '../../support/small-cluster.ts';

/** From now on the broker holds no lease. */
function withoutLease(node: SimNode): void {
  Object.defineProperty(node.roles!.broker!.replicas, 'holdsLease', { value: false });
}

it('accepts a cluster that replaces its leader and then commits writes', () => {
  const small = new SmallCluster([writesUnavailable], 3);
  const found = violationOf(() => {
    small.produce(batch);
    small.leader.kill('process');
    small.run(25);
  });
  expect(found).toBeUndefined();
});

it('sees a leader that gets no lease although no fault touches it', () => {
  const small = new SmallCluster([writesUnavailable]);
  withoutLease(small.leader);
  expect(violationOf(() => small.run(25))).toMatch(
    /^writes-unavailable: b. leads t-0 and commits nothing for 1.* s: it holds no lease/,
  );
});

it('sees a leader that has no room for records although no fault touches it', () => {
  const small = new SmallCluster([writesUnavailable]);
  const { leader } = small;
  expect(
    violationOf(() => {
      leader.disk.setFreeBytes(1_000);
      small.run(5);
      leader.disk.setFreeBytes(undefined);
      small.run(20);
    }),
  ).toBeUndefined();
  leader.disk.setFreeBytes(1_000);
  expect(violationOf(() => small.run(30))).toMatch(
    /^writes-unavailable: b. leads t-0 and commits nothing for 1.* s: it has no room \(.*1000 bytes free/,
  );
});

it('demands nothing of a leader that a fault touches', () => {
  const small = new SmallCluster([writesUnavailable]);
  const { leader, touched } = small;
  withoutLease(leader);
  touched.note({ says: '', touches: [leader], lastsUs: 60 * SECOND });
  expect(violationOf(() => small.run(25))).toBeUndefined();
});
