/** Goal: the controller grants ISR changes and producer ids by the rules. Method: one case for each rule. */
import { ZERO_UUID } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { Harness } from './support/harness.ts';

function cluster(): Harness {
  const h = new Harness({}, [1, 2, 3]);
  h.topic('t', [1, 2, 3]);
  return h;
}

describe('an ISR change', () => {
  test('is answered when it is committed, with the new state; the leader epoch stays', () => {
    const h = cluster();
    const answer = h.alterPartition(1, 't', [1, 3]);
    expect(answer.value).toBeUndefined();
    h.commit();
    expect(answer.value).toEqual({
      errorCode: 0,
      partitions: [
        {
          topicId: h.topicId('t'),
          partition: 0,
          errorCode: 0,
          leader: 1,
          leaderEpoch: 0,
          isr: [1, 3],
          partitionEpoch: 1,
        },
      ],
    });
    h.alterPartition(1, 't', [1, 2, 3]);
    h.commit();
    expect(h.show('t')).toBe('leader 1 isr 1,2,3 epochs 0/2');
  });

  test('that changes nothing is answered at once, with the present state', () => {
    const h = cluster();
    const answer = h.alterPartition(1, 't', [3, 2, 1]);
    expect(answer.value?.partitions[0]).toMatchObject({ errorCode: 0, isr: [1, 2, 3], partitionEpoch: 0 });
  });

  test.each<[string, number, number[], object]>([
    ['of an unknown topic', ErrorCode.UNKNOWN_TOPIC_ID, [1], { topicId: ZERO_UUID }],
    ['with a malformed topic id', ErrorCode.UNKNOWN_TOPIC_ID, [1], { topicId: 'x' }],
    ['of an unknown partition', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, [1], { partition: 1 }],
    ['from a leader that knows more than this controller', ErrorCode.NOT_CONTROLLER, [1], { leaderEpoch: 1 }],
    ['against a future partition epoch', ErrorCode.NOT_CONTROLLER, [1], { partitionEpoch: 1 }],
    ['under an old leader epoch', ErrorCode.FENCED_LEADER_EPOCH, [1], { leaderEpoch: -1 }],
    ['against an old partition epoch', ErrorCode.INVALID_UPDATE_VERSION, [1], { partitionEpoch: -1 }],
    ['to an empty list', ErrorCode.INVALID_REQUEST, [], {}],
    ['with a member twice', ErrorCode.INVALID_REQUEST, [1, 2, 2], {}],
    ['with a broker that is not a replica', ErrorCode.INVALID_REQUEST, [1, 4], {}],
  ])('%s is refused', (_what, errorCode, isr, overrides) => {
    const h = cluster();
    const answer = h.alterPartition(1, 't', isr, overrides);
    expect(answer.value?.partitions[0]).toMatchObject({ errorCode, leader: -1, isr: [] });
    expect(h.pending).toEqual([]);
  });

  test('without the leader makes another member lead, in a new leader epoch', () => {
    const h = cluster();
    const answer = h.alterPartition(1, 't', [2, 3]);
    h.commit();
    expect(answer.value?.partitions[0]).toMatchObject({
      errorCode: 0,
      leader: 2,
      leaderEpoch: 1,
      isr: [2, 3],
    });
  });

  test('without the leader, and with a replica that is not in sync, is refused', () => {
    const h = cluster();
    h.alterPartition(1, 't', [1, 2]);
    h.commit();
    expect(h.alterPartition(1, 't', [2, 3]).value?.partitions[0]?.errorCode).toBe(ErrorCode.INVALID_REQUEST);
  });

  test('from a broker that does not lead is refused', () => {
    const h = cluster();
    expect(h.alterPartition(2, 't', [1, 2]).value?.partitions[0]?.errorCode).toBe(ErrorCode.INVALID_REQUEST);
  });

  test('from a member that asks only to leave is granted', () => {
    const h = cluster();
    expect(h.alterPartition(2, 't', [1]).value?.partitions[0]?.errorCode).toBe(ErrorCode.INVALID_REQUEST);
    h.alterPartition(2, 't', [1, 3]);
    h.commit();
    // Broker 2's earlier fetches belong to another epoch, and cannot bring it back into the ISR.
    expect(h.show('t')).toBe('leader 1 isr 1,3 epochs 1/1');
    h.alterPartition(2, 't', [1, 3]);
    h.commit();
    expect(h.show('t')).toBe('leader 1 isr 1,3 epochs 2/2');
  });

  test('from a member that asks to leave is refused while no other member could lead', () => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    h.advance(h.active.config.sessionTimeoutMs);
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 1,2 epochs 1/1');
    expect(h.alterPartition(2, 't', [1]).value?.partitions[0]?.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA);
  });

  test('from an eligible leader replica that asks to leave removes it from the ELR', () => {
    const h = new Harness({}, [1, 2, 3], { minInsyncReplicas: 2 });
    h.topic('t', [1, 2]);
    h.alterPartition(1, 't', [1]);
    h.commit();
    const elr = () => h.active.image.topic('t')!.partitions[0]!.elr;
    expect(elr()).toEqual([2]);
    expect(h.alterPartition(3, 't', [1]).value?.partitions[0]?.errorCode).toBe(ErrorCode.INVALID_REQUEST);
    h.alterPartition(2, 't', [1]);
    h.commit();
    expect(elr()).toEqual([]);
    // The controller does not elect broker 2, although it is active.
    h.kill(1);
    expect(h.show('t')).toBe('leader -1 isr 1 epochs 2/3');
  });

  test('that leaves nobody in the ISR is refused', () => {
    const h = cluster();
    for (const id of [2, 3, 1]) h.kill(id);
    expect(h.show('t')).toBe('leader -1 isr 1 epochs 1/3');
    expect(h.alterPartition(1, 't', []).value?.partitions[0]?.errorCode).toBe(ErrorCode.INVALID_REQUEST);
  });

  describe('of a replica whose storage failed', () => {
    const failed = { storageFailed: true };

    test('makes another member of the ISR lead', () => {
      const h = cluster();
      const answer = h.alterPartition(1, 't', [], failed);
      h.commit();
      expect(h.show('t')).toBe('leader 2 isr 2,3 epochs 1/1');
      expect(answer.value?.partitions[0]).toMatchObject({ errorCode: 0, leader: 2, leaderEpoch: 1 });
    });

    test('removes a follower from the ISR, in a new leader epoch: its leader no longer waits for it', () => {
      const h = cluster();
      h.alterPartition(3, 't', [], failed);
      h.commit();
      expect(h.show('t')).toBe('leader 1 isr 1,2 epochs 1/1');
      // The broker retries because the response was lost. Nothing is left to change.
      expect(h.alterPartition(3, 't', [], failed).value?.partitions[0]?.errorCode).toBe(ErrorCode.NONE);
    });

    test('that is the last ISR member leaves no leader until an eligible replica is active', () => {
      const h = new Harness({}, [1, 2, 3], { minInsyncReplicas: 2 });
      h.topic('t', [1, 2]);
      h.kill(2);
      expect(h.show('t')).toBe('leader 1 isr 1 epochs 0/1');
      h.alterPartition(1, 't', [], failed);
      h.commit();
      expect(h.show('t')).toBe('leader -1 isr 2 epochs 1/2');
      h.addBroker(2, { incarnation: 1, previousBrokerEpoch: h.epochOf(2) });
      expect(h.show('t')).toBe('leader 2 isr 2 epochs 2/3');
    });

    test('is refused while no other replica may lead: the last member of an ISR stays', () => {
      const h = new Harness({}, [1, 2]);
      h.topic('t', [1, 2]);
      h.kill(2);
      h.addBroker(2, { incarnation: 1 });
      const refused = h.alterPartition(1, 't', [], failed);
      expect(refused.value?.partitions[0]?.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA);
      expect(h.show('t')).toBe('leader 1 isr 1 epochs 0/1');
    });

    test('makes any other replica lead if the topic allows unclean election', () => {
      const h = new Harness(
        { serverProperties: new Map([['unclean.leader.election.enable', 'true']]) },
        [1, 2],
      );
      h.topic('t', [1, 2]);
      h.alterPartition(1, 't', [1]);
      h.commit();
      h.alterPartition(1, 't', [], failed);
      h.commit();
      expect(h.show('t')).toBe('leader 2 isr 2 epochs 1/2');
    });

    describe('if the topic allows unclean election', () => {
      const unclean = { serverProperties: new Map([['unclean.leader.election.enable', 'true']]) };

      /** Broker 1 reported that its storage failed. The ISR is broker 2 alone. */
      function failedAtOne(): Harness {
        const h = new Harness(unclean, [1, 2]);
        h.topic('t', [1, 2]);
        h.alterPartition(1, 't', [], failed);
        h.commit();
        expect(h.show('t')).toBe('leader 2 isr 2 epochs 1/1');
        return h;
      }

      test('the replica is not elected when the last member of the ISR dies', () => {
        const h = failedAtOne();
        h.kill(2);
        expect(h.show('t')).toBe('leader -1 isr 2 epochs 2/2');
      });

      test('the next controller does not elect the replica', () => {
        const h = failedAtOne();
        h.kill(2);
        h.loseLeadership();
        h.commit();
        expect(h.show('t')).toBe('leader -1 isr 2 epochs 2/2');
      });

      test('the replica is elected after its broker restarted', () => {
        const h = failedAtOne();
        h.kill(2);
        h.kill(1);
        h.addBroker(1, { incarnation: 1, previousBrokerEpoch: h.epochOf(1) });
        expect(h.show('t')).toBe('leader 1 isr 1 epochs 3/3');
      });

      test('the replica does not replace another failed replica: the two would hand over to each other for ever', () => {
        const h = failedAtOne();
        const refused = h.alterPartition(2, 't', [], failed);
        expect(refused.value?.partitions[0]?.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA);
        expect(h.show('t')).toBe('leader 2 isr 2 epochs 1/1');
      });

      test('the replica is elected if it was in the ISR again after its failure', () => {
        const h = failedAtOne();
        h.alterPartition(2, 't', [1, 2]);
        h.commit();
        h.alterPartition(2, 't', [2]);
        h.commit();
        h.kill(2);
        expect(h.show('t')).toBe('leader 1 isr 1 epochs 2/4');
      });
    });

    test.each<[string, number, number, object]>([
      ['under an old leader epoch', 1, ErrorCode.FENCED_LEADER_EPOCH, { leaderEpoch: -1 }],
      ['against an old partition epoch', 1, ErrorCode.INVALID_UPDATE_VERSION, { partitionEpoch: -1 }],
      ['from a broker that has no replica', 4, ErrorCode.INVALID_REQUEST, {}],
    ])('%s is refused', (_what, from, errorCode, overrides) => {
      const h = new Harness({}, [1, 2, 3, 4]);
      h.topic('t', [1, 2, 3]);
      const answer = h.alterPartition(from, 't', [], { ...failed, ...overrides });
      expect(answer.value?.partitions[0]?.errorCode).toBe(errorCode);
      expect(h.pending).toEqual([]);
    });
  });

  test('from a broker with a stale epoch is refused as a whole', () => {
    const h = cluster();
    const answer = h.alterPartition(1, 't', [1], {}, h.epochOf(1) - 1);
    expect(answer.value).toEqual({ errorCode: ErrorCode.STALE_BROKER_EPOCH, partitions: [] });
  });

  test('does not add a fenced broker', () => {
    const h = cluster();
    h.kill(3);
    const answer = h.alterPartition(1, 't', [1, 2, 3]);
    h.commit();
    expect(answer.value?.partitions[0]?.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA);
  });

  describe('that was refused because a member is fenced', () => {
    /** Broker 3 is fenced and out of the ISR. Its process still runs under the same broker epoch. */
    function withoutThree(): { h: Harness; copy: object } {
      const h = cluster();
      h.kill(3);
      expect(h.show('t')).toBe('leader 1 isr 1,2 epochs 0/1');
      return { h, copy: { leaderEpoch: 0, partitionEpoch: 1 } };
    }

    test('is refused also when its first copy arrives after its retry, and the member is back', () => {
      const { h, copy } = withoutThree();
      const retry = h.alterPartition(1, 't', [1, 2, 3], copy);
      expect(retry.value).toBeUndefined(); // the refusal is not committed yet
      h.commit();
      expect(retry.value?.partitions[0]?.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA);
      // The leader acknowledges without broker 3 from now on.
      h.heartbeat(3);
      h.commit();
      const late = h.alterPartition(1, 't', [1, 2, 3], copy);
      expect(late.value?.partitions[0]?.errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION);
      expect(h.show('t')).toBe('leader 1 isr 1,2 epochs 0/2');
    });

    test('is refused also when its first copy arrives at the next controller', () => {
      const { h, copy } = withoutThree();
      h.alterPartition(1, 't', [1, 2, 3], copy);
      h.commit();
      h.loseLeadership();
      h.heartbeat(3);
      h.commit();
      const late = h.alterPartition(1, 't', [1, 2, 3], copy);
      expect(late.value?.partitions[0]?.errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION);
    });

    test('is not refused by a controller that is deposed before the commit', () => {
      const { h, copy } = withoutThree();
      const answer = h.alterPartition(1, 't', [1, 2, 3], copy);
      h.loseLeadership();
      expect(answer.value?.errorCode).toBe(ErrorCode.NOT_CONTROLLER);
      // The leader got no refusal, so it still waits for broker 3 before it acknowledges. The controller may
      // grant the copy.
      h.heartbeat(3);
      h.commit();
      h.alterPartition(1, 't', [1, 2, 3], copy);
      h.commit();
      expect(h.show('t')).toBe('leader 1 isr 1,2,3 epochs 0/2');
    });

    test('does not raise the partition epoch when it adds no member', () => {
      const { h } = withoutThree();
      h.kill(2);
      // Broker 2 is out of the ISR, and its request adds no member. The controller refuses the request,
      // because broker 1 is fenced by then.
      expect(h.show('t')).toBe('leader 1 isr 1 epochs 0/2');
      h.advance(h.active.config.sessionTimeoutMs);
      h.commit();
      const wish = h.alterPartition(2, 't', [1]);
      expect(wish.value?.partitions[0]?.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA);
      expect(h.pending).toEqual([]);
    });
  });

  test('does not add a broker that restarted since the leader last saw it', () => {
    const h = cluster();
    const old = h.epochOf(3);
    h.kill(3);
    h.addBroker(3, { incarnation: 1 });
    const member = (brokerId: number, brokerEpoch: number) => ({ brokerId, brokerEpoch });
    const others = [member(1, h.epochOf(1)), member(2, h.epochOf(2))];
    const refused = h.alterPartition(1, 't', [], { isr: [...others, member(3, old)] });
    expect(refused.value?.partitions[0]?.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA);
    h.alterPartition(1, 't', [], { isr: [...others, member(3, h.epochOf(3))] });
    h.commit();
    expect(h.show('t')).toBe('leader 1 isr 1,2,3 epochs 0/2');
  });

  test('an unknown member epoch (-1) is not checked', () => {
    const h = cluster();
    const isr = [1, 2].map((brokerId) => ({ brokerId, brokerEpoch: -1 }));
    const answer = h.alterPartition(1, 't', [], { isr });
    h.commit();
    expect(answer.value?.partitions[0]?.errorCode).toBe(0);
  });

  test('is checked against proposed records: a second change of the same partition epoch is too late', () => {
    const h = cluster();
    h.alterPartition(1, 't', [1, 2]);
    const second = h.alterPartition(1, 't', [1, 3], { partitionEpoch: 0 });
    expect(second.value).toBeUndefined(); // the answer depends on records that are not committed yet
    h.commit();
    expect(second.value?.partitions[0]?.errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION);
  });
});

describe('producer ids', () => {
  function allocate(h: Harness, id: number, brokerEpoch = h.epochOf(id)) {
    const answers: { errorCode: number; producerIdStart: number; producerIdCount: number }[] = [];
    h.active.allocateProducerIds({ brokerId: id, brokerEpoch }, h.now, (response) => answers.push(response));
    return answers;
  }

  test('come in blocks that never overlap, when the records are committed', () => {
    const h = new Harness({}, [1, 2]);
    const first = allocate(h, 1);
    const second = allocate(h, 2);
    expect(first).toEqual([]);
    h.commit();
    expect([first[0], second[0]]).toEqual([
      { errorCode: 0, producerIdStart: 0, producerIdCount: 1000 },
      { errorCode: 0, producerIdStart: 1000, producerIdCount: 1000 },
    ]);
    h.loseLeadership();
    const third = allocate(h, 1);
    h.commit();
    expect(third[0]?.producerIdStart).toBe(2000);
  });

  test('a block that was not committed is allocated again after a failover, because no broker got it', () => {
    const h = new Harness({}, [1]);
    const lost = allocate(h, 1);
    h.loseLeadership();
    expect(lost[0]?.errorCode).toBe(ErrorCode.NOT_CONTROLLER);
    const again = allocate(h, 1);
    h.commit();
    expect(again[0]?.producerIdStart).toBe(0);
  });

  test('a broker with a stale epoch gets no ids', () => {
    const h = new Harness({}, [1]);
    expect(allocate(h, 1, 0)[0]?.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH);
    expect(allocate(h, 9, 0)[0]?.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH);
  });
});
