import { withBroker, withTopic } from '@millrace/metadata/testing';
import { describe, expect, it } from 'vitest';
import { isrLacksData } from '../../src/checkers/isr-lacks-data.ts';
import { replicasDiffer } from '../../src/checkers/replicas-differ.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { batch, decree, SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('isr-lacks-data', () => {
  it('sees a member of the ISR that lost its log, except while the contract covers the loss and the broker has not registered again', () => {
    const small = new SmallCluster([isrLacksData, replicasDiffer]);
    small.produce(batch);
    const [first, second] = small.followers as [SimNode, SimNode];
    second.disk.isDamaged = true;
    decree(small, (image) => {
      const registration = image.broker(second.id)!;
      return withBroker(image, { ...registration, epoch: registration.epoch + 1 });
    });
    const cut = (node: SimNode) => () => small.corrupt(node, () => small.replica(node).log.truncateTo(0));
    expect(violationOf(cut(second))).toBeUndefined();
    expect(violationOf(cut(first))).toMatch(
      new RegExp(`^isr-lacks-data: ${first.name} may lead t-0 .* ends at 0, but 1 is committed`),
    );
  });

  it('looks again when an excused broker registers and stays in the ISR', () => {
    const small = new SmallCluster([isrLacksData, replicasDiffer]);
    small.produce(batch);
    small.produce(batch);
    const [follower] = small.followers as [SimNode];
    const { id, name } = follower;
    const register = (step: number) => () =>
      decree(small, (image) => {
        const registration = image.broker(id)!;
        return withBroker(image, { ...registration, epoch: registration.epoch + step });
      });
    follower.disk.isDamaged = true;
    register(1)();
    const cut = () => small.corrupt(follower, () => small.replica(follower).log.truncateTo(1));
    expect(violationOf(cut)).toBeUndefined();
    expect(violationOf(register(-1))).toBeUndefined();
    const found = violationOf(() => small.corrupt(follower, () => {}));
    expect(found).toMatch(new RegExp(`^isr-lacks-data: ${name} may lead t-0 .* ends at 1, but 2 is`));
  });

  it('sees a member of the ELR that lost its log', () => {
    const small = new SmallCluster([isrLacksData, replicasDiffer]);
    small.produce(batch);
    const [follower] = small.followers as [SimNode];
    const topic = small.cluster.image().topic('t')!;
    const [state] = topic.partitions;
    const isr = state!.isr.filter((id) => id !== follower.id);
    const partitions = [{ ...state!, isr, elr: [follower.id] }];
    decree(small, (image) => withTopic(image, topic.id, { ...topic, partitions }));
    const cut = () => small.corrupt(follower, () => small.replica(follower).log.truncateTo(0));
    expect(violationOf(cut)).toMatch(/^isr-lacks-data: .* may lead t-0 .* ELR .* ends at 0, but 1 is/);
  });
});
