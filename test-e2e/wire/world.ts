/**
 * Prepares one of the two clusters (a side) before the first case. Both clusters get the same topics with the
 * same records.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { apis, buildBatch } from '@millrace/protocol';
import { activeController, aliveBrokers, ask, createTopic, partitionsOf } from '../lib/wire.ts';

export interface World {
  readonly bootstrap: string;
  /** The prefix of every topic of this run. */
  readonly prefix: string;
  /**
   * A topic with two partitions. Partition 0 has three batches of two records. No case writes to the topic.
   */
  readonly full: string;
  /** A topic with one partition, to which cases write. */
  readonly sink: string;
  /** A topic with one partition and cleanup.policy=compact. */
  readonly compacted: string;
  readonly empty: string;
  /** A topic of one partition with three batches of two records. Only DeleteRecords changes it. */
  readonly trimmed: string;
  /** The name of a topic that only the cases of this purpose in this version change or delete. */
  spare(purpose: Purpose, version: number): string;
  readonly brokerId: number;
  readonly controllerId: number;
  readonly clusterId: string;
  /** A logger of the broker, other than `root`. */
  readonly logger: string;
  readonly idOf: ReadonlyMap<string, string>;
}

type Purpose = 'doomed' | 'doomed-by-id' | 'grown' | 'altered' | 'altered-in-part';
const spares: readonly [Purpose, number, number][] = [
  ['doomed', apis.deleteTopics.minVersion, apis.deleteTopics.maxVersion],
  ['doomed-by-id', 6, apis.deleteTopics.maxVersion],
  ['grown', apis.createPartitions.minVersion, apis.createPartitions.maxVersion],
  ['altered', apis.alterConfigs.minVersion, apis.alterConfigs.maxVersion],
  ['altered-in-part', apis.incrementalAlterConfigs.minVersion, apis.incrementalAlterConfigs.maxVersion],
];

const HOUR_MS = 3_600_000;
/**
 * The timestamp of the first record. Each further record is a second later. The timestamps are recent,
 * because retention would remove old records during the run.
 */
export const FIRST_TIMESTAMP: number = Math.floor(Date.now() / HOUR_MS - 1) * HOUR_MS;
export const RECORDS = 6;
const READY_TRIES = 100;

export async function makeWorld(bootstrap: string, prefix: string): Promise<World> {
  const names = {
    full: `${prefix}-full`,
    sink: `${prefix}-sink`,
    compacted: `${prefix}-compacted`,
    empty: `${prefix}-empty`,
    trimmed: `${prefix}-trimmed`,
  };
  const make = async (name: string, partitions: number, configs = {}) =>
    createTopic(bootstrap, { name, partitions, replicas: 1, configs });
  await make(names.full, 2);
  await make(names.sink, 1);
  await make(names.compacted, 1, { 'cleanup.policy': 'compact' });
  await make(names.empty, 1);
  await make(names.trimmed, 1);
  const spare = (purpose: Purpose, version: number) => `${prefix}-${purpose}-${version}`;
  const spareNames = spares.flatMap(([purpose, min, max]) =>
    Array.from({ length: max - min + 1 }, (_, i) => spare(purpose, min + i)),
  );
  for (const name of spareNames) await make(name, 1);
  for (const name of Object.values(names)) await untilLed(bootstrap, name);
  for (const name of [names.full, names.trimmed])
    for (let batch = 0; batch < RECORDS / 2; batch++) await writeBatch(bootstrap, name, batch);
  const seen = await ask(bootstrap, (client) =>
    client.call(apis.metadata, {
      topics: [...Object.values(names), ...spareNames].map((name) => ({ name })),
    }),
  );
  const controllerId = (await activeController(bootstrap)) ?? -1;
  await untilProducerIds(bootstrap);
  await untilCoordinated(bootstrap);
  const [brokerId] = [...(await aliveBrokers(bootstrap)).keys()];
  const idOf = new Map(seen.topics.map(({ name, topicId }) => [name ?? '', topicId as string]));
  return {
    bootstrap,
    prefix,
    ...names,
    spare,
    brokerId: brokerId!,
    controllerId,
    clusterId: seen.clusterId ?? '',
    logger: await someLogger(bootstrap, brokerId!),
    idOf,
  };
}

async function untilLed(bootstrap: string, topic: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const partitions = await partitionsOf(bootstrap, topic).catch(() => []);
    if (partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)) return;
    if (tries === READY_TRIES) throw new Error(`${topic} has no leader at ${bootstrap}`);
    await sleep(50);
  }
}

/**
 * Waits until the broker gives out producer ids. The broker asks the controller for its first block of ids
 * only when the first client asks for an id.
 */
async function untilProducerIds(bootstrap: string): Promise<void> {
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const { errorCode } = await ask(bootstrap, (client) =>
      client.call(apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 60_000 }),
    );
    if (errorCode === 0) return;
    await sleep(50);
  }
  throw new Error(`${bootstrap} gives no producer ids`);
}

/** Waits until __consumer_offsets exists and the broker coordinates all groups. */
async function untilCoordinated(bootstrap: string): Promise<void> {
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const { coordinators } = await ask(bootstrap, (client) =>
      client.call(apis.findCoordinator, { keyType: 0, coordinatorKeys: ['wire'] }, { version: 4 }),
    );
    if (coordinators[0]!.errorCode === 0) {
      const keys = Array.from({ length: 1000 }, (_, i) => `wire-${i}`);
      const { groups } = await ask(bootstrap, (client) =>
        client.call(apis.describeGroups, { groups: keys }, { version: 5 }),
      );
      if (groups.every(({ errorCode }) => errorCode === 0)) return;
    }
    await sleep(50);
  }
  throw new Error(`${bootstrap} does not coordinate all groups`);
}

async function someLogger(bootstrap: string, brokerId: number): Promise<string> {
  const resource = { resourceType: 8, resourceName: String(brokerId), configurationKeys: null };
  const { results } = await ask(bootstrap, (client) =>
    client.call(apis.describeConfigs, { resources: [resource] }),
  );
  const logger = results[0]?.configs.find(({ name }) => name !== 'root');
  if (logger === undefined) throw new Error(`${bootstrap} has no logger besides root`);
  return logger.name;
}

async function writeBatch(bootstrap: string, topic: string, batch: number): Promise<void> {
  const records = twoRecords(FIRST_TIMESTAMP + batch * 2000);
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
  const answer = await ask(bootstrap, (client) =>
    client.call(apis.produce, { acks: -1, timeoutMs: 5000, topicData }, { version: 9 }),
  );
  const error = answer.responses[0]?.partitionResponses[0]?.errorCode;
  if (error !== 0) throw new Error(`${bootstrap} did not take the records of ${topic}: error ${error}`);
}

export function twoRecords(baseTimestamp: number): Uint8Array {
  const record = (n: number) => ({
    key: Buffer.from(`key-${n}`),
    value: Buffer.from(`value-${n}`),
    timestamp: baseTimestamp + n * 1000,
  });
  return buildBatch({ baseTimestamp, records: [record(0), record(1)] });
}
