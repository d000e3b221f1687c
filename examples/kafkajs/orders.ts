/**
 * Sends orders with kafkajs, and reads the topic back.
 *
 *   BOOTSTRAP_SERVERS=host:port,…   brokers to ask first; by default those of `npm start`
 *   TOPIC=name                      `orders` by default
 */
import { Consumer } from '@platformatic/kafka';
import { Kafka, logLevel, type Message, Partitioners } from 'kafkajs';

const servers = process.env['BOOTSTRAP_SERVERS'] ?? 'localhost:9092,localhost:9093,localhost:9094';
const brokers = servers.split(',');
const topic = process.env['TOPIC'] ?? 'orders';

/** Creates the topic if it is missing. Resolves when every in-sync replica has the messages. */
async function produce(messages: Message[]): Promise<void> {
  const kafka = new Kafka({ clientId: 'orders', brokers, logLevel: logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  const isMissing = !(await admin.listTopics()).includes(topic);
  if (isMissing) await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 3 }] });
  await admin.disconnect();

  const createPartitioner = Partitioners.DefaultPartitioner; // the partitioner of Kafka's Java client
  const producer = kafka.producer({ idempotent: true, createPartitioner });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages });
  await producer.disconnect();
}

/**
 * Prints the records of each partition, up to its end at the time of the call.
 *
 * kafkajs reads only in consumer groups. `Consumer.fetch` of @platformatic/kafka reads a partition without a
 * group.
 */
async function consume(): Promise<void> {
  const consumer = new Consumer({ clientId: 'orders', bootstrapBrokers: brokers, groupId: 'not-used' });
  const metadata = await consumer.metadata({ topics: [topic] });
  const { id: topicId, partitions } = metadata.topics.get(topic)!;
  const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic)!;

  for (const [partition, { leader }] of partitions.entries()) {
    let fetchOffset = 0n;
    while (fetchOffset < ends[partition]!) {
      const epochs = { currentLeaderEpoch: -1, lastFetchedEpoch: -1 }; // not known
      const wanted = { partition, fetchOffset, partitionMaxBytes: 1 << 20, ...epochs };
      const answer = await consumer.fetch({ node: leader, topics: [{ topicId, partitions: [wanted] }] });
      for (const batch of answer.responses[0]?.partitions[0]?.records ?? []) {
        for (const { offsetDelta, key, value } of batch.records) {
          const offset = batch.firstOffset + BigInt(offsetDelta);
          console.log(`${topic}-${partition} @ ${offset}: ${key} ordered ${value}`);
        }
        fetchOffset = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
      }
    }
  }
  await consumer.close();
}

await produce([
  { key: 'ada', value: 'two coffees' },
  { key: 'grace', value: 'one tea' },
  { key: 'ada', value: 'one cake' },
]);
await consume();
