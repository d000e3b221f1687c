/** Goal: a consumer group answers the requests of classic members as KIP-848 demands (migration). */
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it, vi } from 'vitest';
import { ClassicClient, subscription } from '../support/classic-client.ts';
import { GroupBench } from '../support/group-bench.ts';

function bench(): GroupBench {
  const b = new GroupBench();
  b.createTopic('foo', 4);
  return b;
}

describe('a classic member', () => {
  it('joins a consumer group, and gets partitions that another member has given up', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    expect(b.transcript()).toEqual([
      'write #2 member k [foo]//, group epoch 3, target a foo:0,1, target k foo:2,3, assignment epoch 3, ' +
        'k epoch 3 UNRELEASED_PARTITIONS -',
      'k join < generation 3',
    ]);
    k.sync();
    k.heartbeat();
    expect(b.transcript()).toEqual(['k sync < -', 'k heartbeat < NONE']);
    b.beat('a', 2, { owned: { foo: [0, 1] } });
    k.heartbeat();
    k.join(['foo']);
    k.sync();
    expect(b.transcript().filter((line) => line.startsWith('k'))).toEqual([
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 3',
      'k sync < foo:2,3',
    ]);
  });

  it('with a cooperative assignor gives up partitions, and then joins again with only those that it keeps', () => {
    const b = bench();
    const k = new ClassicClient(b, 'k');
    b.join('z', []);
    k.join(['foo']);
    k.sync();
    b.beat('z', 1, { subscribedTopicNames: ['foo'] });
    b.transcript();
    k.heartbeat();
    k.join(['foo'], { foo: [0, 1, 2, 3] });
    k.sync();
    k.heartbeat();
    k.join(['foo'], { foo: [0, 1] });
    k.sync();
    b.beat('z', 3);
    expect(b.transcript().filter((line) => line.includes('<'))).toEqual([
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 2',
      'k sync < foo:0,1',
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 3',
      'k sync < foo:0,1',
      'z < epoch 3 foo:2,3',
    ]);
  });

  it('after a load makes the group compare its topics only once, and not with each heartbeat', () => {
    const b = new GroupBench({ migrationPolicy: 'upgrade' });
    b.createTopic('foo', 4);
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    b.beat('a', -1);
    k.join(['foo']);
    k.sync();
    b.restart();
    b.transcript();
    const image = vi.spyOn(b.port, 'image');
    k.heartbeat();
    expect([b.transcript(), image.mock.calls.length]).toEqual([['k heartbeat < NONE'], 1]);
    k.heartbeat();
    expect([b.transcript(), image.mock.calls.length]).toEqual([['k heartbeat < NONE'], 1]);
    b.growTopic('foo', 5);
    k.heartbeat();
    k.heartbeat();
    expect(b.transcript()).toEqual(Array.from({ length: 2 }, () => 'k heartbeat < REBALANCE_IN_PROGRESS'));
  });

  it('may name many protocols', () => {
    const b = bench();
    b.join('a', ['foo']);
    const protocols = (prefix: string) =>
      Array.from({ length: 20_000 }, (_, i) => ({ name: prefix + i, metadata: subscription(['foo']) }));
    const common = [{ name: 'range', metadata: subscription(['foo']) }];
    for (const id of ['k', 'l', 'm'])
      new ClassicClient(b, id).join(['foo'], {}, { protocols: [...protocols(id), ...common] });
    new ClassicClient(b, 'n').join(['foo'], {}, { protocols: protocols('n') });
    b.beat('a', -1);
    expect(b.transcript()).toContain('n join < INCONSISTENT_GROUP_PROTOCOL');
    expect(b.becameClassic).toBe(1);
    // If the group compared each protocol with each other one, the test would take minutes.
  }, 30_000);

  it('that is dynamic must join again with the member id that it got', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, '');
    k.join(['foo']);
    expect(b.transcript()).toEqual(['generated join < MEMBER_ID_REQUIRED']);
    k.join(['foo']);
    expect(b.transcript().at(-1)).toBe('generated join < generation 3');
  });

  it('must have the protocol type consumer, and a protocol that all classic members support', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.transcript();
    new ClassicClient(b, 'l').join(['foo'], {}, { protocolType: 'connect' });
    const other = [{ name: 'other', metadata: subscription(['foo']) }];
    new ClassicClient(b, 'l').join(['foo'], {}, { protocols: other });
    new ClassicClient(b, 'l').join(['foo'], {}, { protocols: [] });
    expect(b.transcript()).toEqual(Array.from({ length: 3 }, () => 'l join < INCONSISTENT_GROUP_PROTOCOL'));
  });

  it('does not join if the migration is disabled', () => {
    const b = bench();
    b.settle('a');
    b.settings = { ...b.settings, migrationPolicy: 'disabled' };
    new ClassicClient(b, 'k').join(['foo']);
    expect(b.transcript()).toEqual(['k join < INCONSISTENT_GROUP_PROTOCOL']);
  });

  it('whose subscription cannot be read is refused', () => {
    const b = bench();
    b.settle('a');
    const protocols = [{ name: 'range', metadata: new Uint8Array([0]) }];
    new ClassicClient(b, 'k').join(['foo'], {}, { protocols });
    expect(b.transcript()).toEqual(['k join < UNKNOWN_SERVER_ERROR']);
  });

  it('gets an error for a wrong generation, an unknown member id, or another protocol', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.transcript();
    k.heartbeat(1);
    k.sync({ generationId: 1 });
    k.sync({ protocolName: 'x' });
    k.sync({ protocolType: 'x' });
    const x = new ClassicClient(b, 'x');
    x.heartbeat();
    x.sync();
    x.leave();
    const a = new ClassicClient(b, 'a');
    a.heartbeat(2);
    expect(b.transcript()).toEqual([
      'k heartbeat < ILLEGAL_GENERATION',
      'k sync < ILLEGAL_GENERATION',
      'k sync < INCONSISTENT_GROUP_PROTOCOL',
      'k sync < INCONSISTENT_GROUP_PROTOCOL',
      'x heartbeat < UNKNOWN_MEMBER_ID',
      'x sync < UNKNOWN_MEMBER_ID',
      'x leave < NONE UNKNOWN_MEMBER_ID',
      'a heartbeat < UNKNOWN_MEMBER_ID',
    ]);
  });

  it('in a group of only classic members must join again when a member left or a topic grew', () => {
    const b = bench();
    b.settings = { ...b.settings, migrationPolicy: 'upgrade' };
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.beat('a', -1);
    b.transcript();
    k.heartbeat();
    k.join(['foo']);
    k.sync();
    k.heartbeat();
    b.growTopic('foo', 5);
    k.heartbeat();
    k.join(['foo']);
    k.sync();
    expect(b.transcript().filter((line) => line.includes('<'))).toEqual([
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 4',
      'k sync < foo:0,1,2,3',
      'k heartbeat < NONE',
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 5',
      'k sync < foo:0,1,2,3,4',
    ]);
  });

  it('that is static is replaced by the next process with its instance id', () => {
    const b = bench();
    b.settle('a');
    new ClassicClient(b, 'k', 'i').join(['foo'], {}, { memberId: '' });
    const { memberId } = b.described('generated');
    b.transcript();
    new ClassicClient(b, memberId, 'i').heartbeat(3);
    new ClassicClient(b, 'other', 'i').heartbeat(3);
    b.join('new', ['foo'], { instanceId: 'i' });
    expect(b.transcript().filter((line) => line.includes('<'))).toEqual([
      'generated heartbeat < NONE',
      'other heartbeat < FENCED_INSTANCE_ID',
      'new < epoch 3 -',
    ]);
  });

  it('may change to the consumer protocol', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.join('k', ['foo']);
    b.port.advance(40_000);
    expect(b.described('k').memberType).toBe(1);
  });
});

describe('an administrator', () => {
  it('removes static members of either protocol by instance id', () => {
    const b = bench();
    b.join('a', ['foo'], { instanceId: 'i' });
    b.join('b', ['foo'], { instanceId: 'j' });
    b.join('c', ['foo']);
    b.transcript();
    const members = ['i', 'j', 'x'].map((groupInstanceId) => ({
      memberId: '',
      groupInstanceId,
      reason: null,
    }));
    const answers: unknown[] = [];
    b.group.leave({
      request: { groupId: 'g', memberId: '', members },
      version: 5,
      client: { clientId: '', clientHost: '' },
      reply: (answer) => answers.push(answer),
    });
    expect(answers).toEqual([
      {
        errorCode: ErrorCode.NONE,
        members: [
          { memberId: '', groupInstanceId: 'i', errorCode: ErrorCode.NONE },
          { memberId: '', groupInstanceId: 'j', errorCode: ErrorCode.NONE },
          { memberId: '', groupInstanceId: 'x', errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
        ],
      },
    ]);
    expect(b.transcript()[0]).toContain('no member a, no assignment of b');
    expect(b.rebalances.at(-1)?.epoch).toBe(5);
  });
});
