/** Goal: a host learns which topics exist, and why a call failed. Method: a server with scripted answers. */
import { createServer, type Server, type Socket } from 'node:net';
import { apis, decodeRequestHeader, ErrorCode, encodeResponseFrame, FrameReader } from '@millrace/protocol';
import { afterEach, expect, test } from 'vitest';
import { ClientError, KafkaCluster, promised } from '../../src/io/index.ts';
import { topicOf } from '../support/metadata.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Starts a broker that knows the topic `events` only after this many answers. Returns its address. */
async function broker(leaderId: number, unknownAnswers: number): Promise<string> {
  let left = unknownAnswers;
  const server = createServer((socket) => {
    sockets.push(socket);
    const frames = new FrameReader(1 << 20);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      frames.push(chunk);
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        const { apiKey, apiVersion, correlationId } = decodeRequestHeader(frame);
        const apiKeys = [{ apiKey: apis.metadata.key, minVersion: 12, maxVersion: 12 }];
        const isKnown = left-- <= 0;
        const topic = isKnown
          ? topicOf({ leaderId })
          : { ...topicOf({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }), partitions: [] };
        const answer =
          apiKey === apis.apiVersions.key
            ? encodeResponseFrame(apis.apiVersions, apiVersion, correlationId, { apiKeys })
            : encodeResponseFrame(apis.metadata, apiVersion, correlationId, { topics: [topic] } as never);
        if (apiKey === apis.apiVersions.key) left = Math.max(left, unknownAnswers);
        socket.write(Buffer.concat(answer));
      }
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

test('describe returns a topic as soon as a broker knows it', async () => {
  const cluster = await KafkaCluster.connect(await broker(4, 2));
  const topics = await cluster.describe(['events']);
  expect(topics.get('events')?.partitions).toHaveLength(1);
  cluster.close();
});

test('the result lacks a topic that no broker knows, and has the other topic', async () => {
  const cluster = await KafkaCluster.connect(await broker(4, 0));
  expect([...(await cluster.describe(['events', 'gone'])).keys()]).toEqual(['events']);
  cluster.close();
});

test('a partition without a leader: the error names the topic', async () => {
  const cluster = await KafkaCluster.connect(await broker(-1, 0), { timeoutMs: 200 });
  await expect(cluster.describe(['events'])).rejects.toThrow(
    new ClientError("topic 'events' has a partition without a leader"),
  );
  cluster.close();
});

test('a partition without a leader: a caller that needs none gets the topic, but a lookup fails', async () => {
  const cluster = await KafkaCluster.connect(await broker(-1, 0), { timeoutMs: 200 });
  expect([...(await cluster.describe(['events'], false)).keys()]).toEqual(['events']);
  const { found, failed } = await cluster.lookUp([{ topic: 'events', partition: 0, timestamp: -1 }]);
  expect([found, [...failed]]).toEqual([[], [['events-0', 'LEADER_NOT_AVAILABLE']]]);
  cluster.close();
});

test('no broker answers: the error says why, for each server', async () => {
  await expect(KafkaCluster.connect('127.0.0.1:1')).rejects.toThrow(/^no broker of 127\.0\.0\.1:1 answers/);
});

test('`promised` turns a call of a heart into a promise', async () => {
  expect(await promised('it', (done) => done(7, undefined))).toBe(7);
  await expect(promised('it failed', (done) => done(undefined, 'WHY'))).rejects.toThrow(
    new ClientError('it failed: WHY'),
  );
});
