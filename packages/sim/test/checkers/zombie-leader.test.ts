import { withBroker, withTopic } from '@millrace/metadata/testing';
import { describe, expect, it } from 'vitest';
import { zombieLeader } from '../../src/checkers/zombie-leader.ts';
import { decree, SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('zombie-leader', () => {
  it.each([true, false])('checks whether a replaced leader holds a lease: %s', (holdsLease) => {
    const small = new SmallCluster([zombieLeader]);
    const { leader } = small;
    leader.life!.pause();
    // The connections of the broker break. So the controller fences the broker before the broker's session
    // would end, and the broker may still hold a lease.
    for (const { name } of small.cluster.controllers) small.network.reset(leader.name, name);
    small.until(() => small.state.leader >= 0 && small.leader !== leader);
    small.run(5);
    if (holdsLease) Object.defineProperty(leader.roles!.broker!.replicas, 'holdsLease', { value: true });
    const found = violationOf(() => {
      leader.life!.resume();
      small.run(3);
    });
    if (holdsLease) expect(found).toMatch(/^zombie-leader: .* leads t-0 in epoch 0 with a lease/);
    else expect(found).toBeUndefined();
  });
});

describe('zombie-leader, for a broker id that also leads the next epoch', () => {
  it.each([
    ['the same process', 0],
    ['another process with its id', 1],
  ])('%s leads it: the checker fails %i times', (_who, isOther) => {
    const small = new SmallCluster([zombieLeader], 1);
    const { leader } = small;
    const { id, name } = leader;
    Object.defineProperty(leader.roles!.broker!.replicas, 'holdsLease', { value: true });
    const found = violationOf(() => {
      decree(small, (image) => {
        const { id: topicId, ...topic } = image.topic('t')!;
        const [state] = topic.partitions;
        const partitions = [{ ...state!, leaderEpoch: state!.leaderEpoch + 1 }];
        const broker = image.broker(id)!;
        const changed = withBroker(image, { ...broker, epoch: broker.epoch + isOther });
        return withTopic(changed, topicId, { id: topicId, ...topic, partitions });
      });
      small.run(3);
    });
    if (isOther)
      expect(found).toMatch(new RegExp(`^zombie-leader: ${name} leads t-0 in epoch 0 with a lease`));
    else expect(found).toBeUndefined();
  });
});

describe('zombie-leader, for a fenced broker', () => {
  it.each([
    ['because it was silent', true],
    ['because its control stream ended', false],
  ])('%s: the checker fails if the broker still holds a lease: %s', (_why, isSilent) => {
    const small = new SmallCluster([zombieLeader], 1);
    const { leader } = small;
    const { id, name } = leader;
    const [controller] = small.cluster.controllers;
    Object.defineProperty(leader.roles!.broker!.replicas, 'holdsLease', { value: true });
    const found = violationOf(() => {
      if (isSilent) leader.life!.pause();
      else {
        small.network.cut(name, controller!.name);
        small.network.reset(name, controller!.name);
      }
      small.until(() => small.cluster.image().broker(id)!.fenced);
    });
    if (isSilent)
      expect(found).toBe(`zombie-leader: ${name} holds a lease, but it is fenced because it was silent`);
    else expect(found).toBeUndefined();
  });
});

describe('zombie-leader, for a broker that stops cleanly', () => {
  it('if a session ends in silence after a fence, this silence is not the reason of the next fence', () => {
    const small = new SmallCluster([zombieLeader], 1);
    const [broker] = small.followers;
    const { id } = broker!;
    const isFenced = () => small.cluster.image().broker(id)!.fenced;
    const found = violationOf(() => {
      broker!.stop();
      small.until(isFenced);
      small.run(3);
      // Simulates this order of events: the broker closes its control stream, and its session ends later.
      const { epoch } = small.cluster.image();
      for (const watch of small.world.logWatchers)
        watch(broker!.life!, 'broker-session-ended', { brokerId: id, reason: 'silent', epoch });
      broker!.start();
      small.until(() => !isFenced());
      small.run(1);
      Object.defineProperty(broker!.roles!.broker!.replicas, 'holdsLease', { value: true });
      broker!.stop();
      small.until(isFenced);
    });
    expect(found).toBeUndefined();
  });
});
