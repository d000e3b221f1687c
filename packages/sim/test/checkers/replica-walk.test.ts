import { expect, it } from 'vitest';
import type { StateCheckerKind } from '../../src/checkers/checker.ts';
import { batch, SmallCluster } from '../support/small-cluster.ts';

/** Makes a checker that writes each call into `calls`: the replica, and how its state changed. */
function recorder(calls: string[]): StateCheckerKind {
  return {
    name: 'recorder',
    sentence: 'never fails',
    make: () => ({
      replicaMoved: ({ node, replica, before }) => {
        const ends = `${before.highWatermark}/${before.endOffset} to ${replica.highWatermark}/${replica.log.endOffset}`;
        calls.push(`${node.name} ${replica.topic} ${ends}`);
      },
      replicaClosed: ({ node, replica }) => calls.push(`${node.name} ${replica.topic} closed`),
    }),
  };
}

it('calls a checker when a replica opens, and after each turn that changes the state of the replica', () => {
  const calls: string[] = [];
  const small = new SmallCluster([recorder(calls)]);
  const { leader } = small;
  const replica = small.replica(leader);
  expect(calls).toContain(`${leader.name} t -1/0 to 0/0`);
  small.createTopic('u');
  calls.length = 0;
  small.corrupt(leader, () => {});
  expect(calls).toEqual([]);
  small.produce(batch);
  const ofLeader = calls.filter((call) => call.startsWith(leader.name));
  expect(ofLeader).toEqual([`${leader.name} t 0/0 to 0/1`, `${leader.name} t 0/1 to 1/1`]);
  calls.length = 0;
  const none = `${leader.name} t 1/1 to 1/1`;
  small.corrupt(leader, () => (replica.leadership = undefined));
  expect(calls).toEqual([none]);
  small.corrupt(leader, () => replica.leaderEpoch++);
  expect(calls).toEqual([none, none]);
  small.corrupt(leader, () => {});
  expect(calls).toEqual([none, none]);
});

it('tells a checker once that a replica has closed, also when its process died in the middle of a turn', () => {
  const calls: string[] = [];
  const small = new SmallCluster([recorder(calls)]);
  const [node] = small.followers;
  small.produce(batch);
  calls.length = 0;
  small.corrupt(node!, () => node!.kill('process'));
  expect(calls).toEqual([`${node!.name} t closed`]);
  calls.length = 0;
  node!.start();
  small.until(() => node!.isReady);
  const ofNode = calls.filter((call) => call.startsWith(node!.name));
  expect(ofNode[0]).toBe(`${node!.name} t -1/0 to 0/1`);
  expect(ofNode).not.toContain(`${node!.name} t closed`);
});
