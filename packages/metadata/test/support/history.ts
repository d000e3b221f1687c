/**
 * Random but valid histories of metadata records for property tests: turns a list of small numbers into
 * records that fit the earlier ones. Keeps its own plain model, with which the tests compare the image.
 */
import type { NodeId, Uuid } from '@millrace/base';
import type { MetadataRecord, RecordOf } from '../../src/records.ts';

export interface ModelPartition {
  replicas: NodeId[];
  isr: NodeId[];
  elr: NodeId[];
  formerIsr: NodeId[];
  failedReplicas: { brokerId: NodeId; brokerEpoch: number }[];
  lastKnownLeader: NodeId;
  leader: NodeId;
  leaderEpoch: number;
  partitionEpoch: number;
}

export interface Model {
  brokers: Map<NodeId, { epoch: number; fenced: boolean; shutdown: boolean }>;
  topics: Map<Uuid, { name: string; partitions: ModelPartition[] }>;
  topicConfigs: Map<string, Map<string, string>>;
  nextProducerId: number;
}

const NAMES = ['a', 'b', 'c.d', 'e_f', 'g'];

/** Each draw gives one record, a small group of records, or nothing. Offsets count from 0. */
export function historyOf(draws: readonly number[]): { records: MetadataRecord[]; model: Model } {
  const model: Model = { brokers: new Map(), topics: new Map(), topicConfigs: new Map(), nextProducerId: 0 };
  const records: MetadataRecord[] = [];
  for (const draw of draws) {
    const step = STEPS[draw % STEPS.length]!;
    for (const record of step(model, Math.floor(draw / STEPS.length), records.length)) records.push(record);
  }
  return { records, model };
}

type Step = (model: Model, draw: number, offset: number) => MetadataRecord[];

function pick<T>(items: readonly T[], draw: number): T | undefined {
  return items.length === 0 ? undefined : items[draw % items.length];
}

function uuid(number: number): Uuid {
  return `id${String(number).padStart(19, '0')}A` as Uuid;
}

const register: Step = (model, draw, offset) => {
  const brokerId = draw % 4;
  model.brokers.set(brokerId, { epoch: offset, fenced: true, shutdown: false });
  const incarnationId = uuid(offset);
  if (draw % 3 === 0)
    return [{ type: 'registerBroker', brokerId, incarnationId, listeners: [], rack: undefined, logDirs: [] }];
  return [
    {
      type: 'registerBroker',
      brokerId,
      incarnationId,
      listeners: [{ name: 'PLAINTEXT', host: `h${draw}`, port: 9092 }],
      rack: draw % 3 === 1 ? `r${draw}` : '',
      logDirs: [uuid(draw)],
      sessionTimeoutMs: draw,
      minInsyncReplicas: 1 + (draw % 2),
    },
  ];
};

const shutDown: Step = (model, draw) => {
  const id = pick([...model.brokers.keys()], draw);
  if (id === undefined) return [];
  const broker = model.brokers.get(id)!;
  broker.shutdown = true;
  return [{ type: 'brokerChange', brokerId: id, brokerEpoch: broker.epoch, inControlledShutdown: true }];
};

const change: Step = (model, draw) => {
  const id = pick([...model.brokers.keys()], draw);
  if (id === undefined) return [];
  const broker = model.brokers.get(id)!;
  const fenced = draw % 3 === 0;
  broker.fenced = fenced;
  return [{ type: 'brokerChange', brokerId: id, brokerEpoch: broker.epoch, fenced }];
};

const unregister: Step = (model, draw) => {
  const id = draw % 5 === 0 ? pick([...model.brokers.keys()], draw) : undefined;
  if (id === undefined) return [];
  const brokerEpoch = model.brokers.get(id)!.epoch;
  model.brokers.delete(id);
  return [{ type: 'unregisterBroker', brokerId: id, brokerEpoch }];
};

function replicasFrom(draw: number): NodeId[] {
  const first = draw % 4;
  return draw % 3 === 0 ? [first] : [first, (first + 1 + (draw % 2)) % 4];
}

function addPartition(model: Model, topicId: Uuid, draw: number): RecordOf<'partition'> {
  const topic = model.topics.get(topicId)!;
  const replicas = replicasFrom(draw);
  const partition = {
    replicas,
    isr: [replicas[0]!],
    leader: replicas[0]!,
    leaderEpoch: 0,
    partitionEpoch: 0,
  };
  topic.partitions.push({ ...partition, elr: [], formerIsr: [], failedReplicas: [], lastKnownLeader: -1 });
  return { type: 'partition', topicId, partition: topic.partitions.length - 1, ...partition };
}

const create: Step = (model, draw, offset) => {
  const taken = new Set([...model.topics.values()].map(({ name }) => name));
  const name = pick(
    NAMES.filter((each) => !taken.has(each)),
    draw,
  );
  if (name === undefined) return [];
  const topicId = uuid(offset);
  model.topics.set(topicId, { name, partitions: [] });
  const records: MetadataRecord[] = [{ type: 'topic', name, topicId }];
  for (let i = 0; i <= draw % 3; i++) records.push(addPartition(model, topicId, draw + i));
  return records;
};

const grow: Step = (model, draw, offset) => {
  const topicId = pick([...model.topics.keys()], draw);
  if (topicId === undefined) return [];
  const requestId = draw % 2 === 0 ? uuid(offset) : undefined;
  return [{ ...addPartition(model, topicId, draw), requestId }];
};

const remove: Step = (model, draw, offset) => {
  const topicId = pick([...model.topics.keys()], draw);
  if (topicId === undefined) return [];
  model.topicConfigs.delete(model.topics.get(topicId)!.name);
  model.topics.delete(topicId);
  return [{ type: 'removeTopic', topicId, requestId: draw % 2 === 0 ? uuid(offset) : undefined }];
};

/** The plain model leaves out the configs of brokers and groups. */
const configureOther: Step = (_model, draw, offset) => {
  const resourceType = draw % 2 === 0 ? 'broker' : 'group';
  const resourceName = pick(['', '1', 'a group'], draw)!;
  const value = draw % 4 === 0 ? undefined : String(draw);
  return [
    { type: 'alterConfigs', resourceType, resourceName, requestId: uuid(offset) },
    { type: 'config', resourceType, resourceName, name: `k${draw % 2}`, value },
  ];
};

const alter: Step = (model, draw) => {
  const topicId = pick([...model.topics.keys()], draw);
  if (topicId === undefined) return [];
  const { partitions } = model.topics.get(topicId)!;
  const index = draw % partitions.length;
  const partition = partitions[index]!;
  const isr =
    draw % 2 === 0 ? [...partition.replicas] : [partition.replicas[draw % partition.replicas.length]!];
  const leader = draw % 5 === 0 ? -1 : isr[draw % isr.length]!;
  const changesLeader = draw % 3 !== 0 || !isr.includes(partition.leader);
  // The slow way: member by member.
  const left = new Set(partition.isr);
  for (const id of isr) left.delete(id);
  if (left.size > 0) partition.formerIsr = [...left];
  else for (const id of isr) partition.formerIsr = partition.formerIsr.filter((known) => known !== id);
  partition.isr = isr;
  partition.partitionEpoch++;
  if (changesLeader) {
    if (leader !== -1) partition.lastKnownLeader = -1;
    else if (partition.leader !== -1) partition.lastKnownLeader = partition.leader;
    partition.leader = leader;
    partition.leaderEpoch++;
  }
  const elr = draw % 3 === 1 ? partition.replicas.filter((id) => !isr.includes(id)) : undefined;
  partition.elr = (elr ?? partition.elr).filter((id) => !isr.includes(id));
  const failed = draw % 7 === 0 ? { brokerId: partition.replicas[0]!, brokerEpoch: draw % 3 } : undefined;
  const failures = new Map(partition.failedReplicas.map((known) => [known.brokerId, known]));
  if (failed !== undefined) {
    failures.delete(failed.brokerId);
    failures.set(failed.brokerId, failed);
  }
  for (const id of isr) failures.delete(id);
  partition.failedReplicas = [...failures.values()];
  return [
    {
      type: 'partitionChange',
      topicId,
      partition: index,
      isr,
      ...(failed === undefined ? {} : { failed }),
      ...(elr === undefined ? {} : { elr }),
      ...(changesLeader ? { leader } : {}),
    },
  ];
};

const configure: Step = (model, draw, offset) => {
  const topicId = pick([...model.topics.keys()], draw);
  if (topicId === undefined) return [];
  const resourceName = model.topics.get(topicId)!.name;
  const name = `k${draw % 3}`;
  const value = draw % 4 === 0 ? undefined : String(draw);
  const configs = model.topicConfigs.get(resourceName) ?? new Map<string, string>();
  if (value === undefined) configs.delete(name);
  else configs.set(name, value);
  if (configs.size === 0) model.topicConfigs.delete(resourceName);
  else model.topicConfigs.set(resourceName, configs);
  const record: MetadataRecord = { type: 'config', resourceType: 'topic', resourceName, name, value };
  if (draw % 2 === 0) return [record];
  return [{ type: 'alterConfigs', resourceType: 'topic', resourceName, requestId: uuid(offset) }, record];
};

const producerIds: Step = (model) => {
  model.nextProducerId += 1000;
  return [{ type: 'producerIds', brokerId: 0, brokerEpoch: 0, nextProducerId: model.nextProducerId }];
};

const STEPS: readonly Step[] = [
  register,
  create,
  alter,
  change,
  configure,
  grow,
  alter,
  producerIds,
  remove,
  unregister,
  shutDown,
  configureOther,
];
