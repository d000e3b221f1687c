/**
 * Clients send requests in random pieces, and read answers at random times. The broker's work ends at random
 * times. Every connection gets each of its answers once, in request order. At the end the broker holds no
 * bytes.
 */
import { apis } from '@millrace/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TOPIC_ID, testBroker } from '../support/broker.ts';
import type { TestClient } from '../support/client.ts';

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('produce', 'metadata', 'fetch', 'acks0'),
      client: fc.nat(2),
      cut: fc.nat(200),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('acknowledge', 'answerFetch'), pick: fc.nat(20) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('readSlowly', 'readOn'), client: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('endOfTurn') }) },
);
type Step = { kind: string; client?: number; cut?: number; pick?: number };

const produce = (acks: number) => ({
  acks,
  timeoutMs: 1000,
  topicData: [
    { name: 'words', topicId: TOPIC_ID, partitionData: [{ index: 0, records: new Uint8Array(100) }] },
  ],
});

test('answers come once and in order, and at the end the broker holds no bytes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps: Step[]) => {
      const limits = { connectionMaxRequests: 4, connectionMaxBytes: 2000, queuedMaxBytes: 5000 };
      const { connect, clock, replicas, frontEnd } = testBroker({ limits });
      const clients = [connect(), connect(), connect()];
      const owed: string[][] = [[], [], []];
      const ok = { errorCode: 0, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0 } as const;
      const acknowledge = (pick: number) => {
        const [parked] = replicas.produced.splice(pick % Math.max(1, replicas.produced.length), 1);
        parked?.done(parked.request.partitions.map(() => ({ ...ok })));
      };
      const answerFetch = () => replicas.fetches.shift()?.done({ responses: [] });

      for (const { kind, client: who = 0, cut = 0, pick = 0 } of steps) {
        const client = clients[who]!;
        if (kind === 'acknowledge') acknowledge(pick);
        else if (kind === 'answerFetch') answerFetch();
        else if (kind === 'readSlowly') client.slow = true;
        else if (kind === 'readOn') client.readOn();
        else if (kind === 'endOfTurn') clock.settle();
        else send(client, kind, cut, owed[who]!);
      }
      for (let round = 0; round < 300; round++) {
        for (const client of clients) client.readOn();
        acknowledge(0);
        answerFetch();
        clock.settle();
      }
      expect(clients.map((client) => client.order)).toEqual(owed);
      expect(clients.map(({ paused }) => paused)).toEqual([false, false, false]);
      expect(frontEnd.budget.heldBytes).toBe(0);
    }),
    { numRuns: 200 },
  );
});

function send(client: TestClient, kind: string, cut: number, owed: string[]): void {
  const frame =
    kind === 'metadata'
      ? client.frame(apis.metadata, 12, { topics: null })
      : kind === 'fetch'
        ? client.frame(apis.fetch, 12, { replicaId: -1, maxWaitMs: 500, topics: [] })
        : client.frame(apis.produce, 9, produce(kind === 'acks0' ? 0 : -1));
  const correlationId = new DataView(frame.buffer).getInt32(8);
  if (kind !== 'acks0')
    owed.push(`${{ metadata: 'Metadata', fetch: 'Fetch', produce: 'Produce' }[kind]}#${correlationId}`);
  const at = Math.min(cut, frame.length);
  client.bytes(frame.subarray(0, at));
  client.bytes(frame.subarray(at));
}
