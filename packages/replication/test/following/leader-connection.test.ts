/**
 * Goal: the connection assembles a response from chunks whose memory is only lent. Method: a stream that
 * overwrites each chunk after it has delivered the chunk.
 */
import { type Address, type Net, type Stream, type StreamHandler, Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { apis, encodeResponseFrame, SpareBuffers } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { LeaderConnection } from '../../src/following/leader-connection.ts';

class LendingNet implements Net {
  handler!: StreamHandler;

  listen(): never {
    throw new Error('nobody listens here');
  }

  connect(_address: Address, handler: StreamHandler): Stream {
    this.handler = handler;
    return {
      remoteAddress: 'b1',
      unsentBytes: 0,
      send: () => true,
      pause() {},
      resume() {},
      end() {},
      destroy: (reason) => handler.closed(reason),
    };
  }

  /** Delivers the bytes in memory that is overwritten after the call. */
  deliver(bytes: Uint8Array): void {
    const lent = new Uint8Array(bytes);
    this.handler.data(lent);
    lent.fill(0xdd);
  }
}

test('a response cut at any byte arrives intact, although each chunk is overwritten after its delivery', () => {
  const answer = Buffer.concat(
    encodeResponseFrame(apis.offsetForLeaderEpoch, 4, 0, {
      throttleTimeMs: 0,
      topics: [
        {
          topic: 'events',
          partitions: [{ errorCode: 0, partition: 3, leaderEpoch: 7, endOffset: 123_456 }],
        },
      ],
    }),
  );
  for (let cut = 1; cut < answer.length; cut++) {
    const net = new LendingNet();
    const closed: string[] = [];
    const connection = new LeaderConnection(
      {
        net,
        address: { host: 'b1', port: 9092 },
        timers: new Timers(new ManualClock()),
        clientId: 'b2',
        requestTimeoutMs: 1000,
        connectTimeoutMs: 1000,
        frameBytesMax: 1 << 20,
        spares: new SpareBuffers({ spoils: true }),
      },
      { opened: () => {}, closed: (reason) => closed.push(reason) },
    );
    net.handler.opened?.();
    const ends: number[] = [];
    connection.request(apis.offsetForLeaderEpoch, 4, { replicaId: 2, topics: [] }, (response) => {
      for (const { partitions } of response.topics)
        for (const { endOffset } of partitions) ends.push(endOffset);
    });
    net.deliver(answer.subarray(0, cut));
    net.deliver(answer.subarray(cut));
    expect([cut, ends, closed]).toEqual([cut, [123_456], []]);
  }
});
