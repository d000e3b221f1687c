/** Starts one controller and three brokers inside this process, writes an order, and reads it back. */
import { Consumer } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { startCluster } from 'millrace';
import { afterAll, beforeAll, expect, test } from 'vitest';

const topic = 'orders';
const cluster = await startCluster({ brokers: 3 });
const brokers = cluster.bootstrapServers.split(',');
const kafka = new Kafka({ brokers, logLevel: logLevel.ERROR });

beforeAll(async () => {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 3 }] });
  await admin.disconnect();
});
afterAll(() => cluster.stop());

test('a consumer reads the order that a producer sent', async () => {
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ key: 'ada', value: 'two coffees' }] });
  await producer.disconnect();
  expect(await readOrders()).toEqual(['two coffees']);
});

/** Reads with @platformatic/kafka, which needs no consumer group. kafkajs reads only in groups. */
async function readOrders(): Promise<string[]> {
  const consumer = new Consumer({ clientId: 'test', bootstrapBrokers: brokers, groupId: 'not-used' });
  const metadata = await consumer.metadata({ topics: [topic] });
  const { id: topicId, partitions } = metadata.topics.get(topic)!;
  const first = { partition: 0, fetchOffset: 0n, currentLeaderEpoch: -1, lastFetchedEpoch: -1 };
  const answer = await consumer.fetch({
    node: partitions[0]!.leader,
    topics: [{ topicId, partitions: [{ ...first, partitionMaxBytes: 1 << 20 }] }],
  });
  await consumer.close();
  const batches = answer.responses[0]!.partitions[0]!.records ?? [];
  return batches.flatMap(({ records }) => records.map(({ value }) => String(value)));
}
