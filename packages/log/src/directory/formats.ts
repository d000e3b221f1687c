/** Parses and formats the small files of a log directory, in Kafka's formats. Pure. */
import { isUuid, type NodeId, type Offset, type Uuid } from '@millrace/base';
import { formatCheckpoint, parseCheckpoint } from '../files/checkpoint-file.ts';

export const META_PROPERTIES = 'meta.properties';
export const CLEAN_SHUTDOWN_FILE = '.kafka_cleanshutdown';
export const RECOVERY_POINTS_FILE = 'recovery-point-offset-checkpoint';
export const HIGH_WATERMARKS_FILE = 'replication-offset-checkpoint';
export const START_OFFSETS_FILE = 'log-start-offset-checkpoint';
/** The end of the clean part of each log that was compacted. */
export const CLEANED_OFFSETS_FILE = 'cleaner-offset-checkpoint';
/** The version of meta.properties that Kafka writes in KRaft mode. */
const META_VERSION = 1;

export interface MetaProperties {
  readonly nodeId: NodeId;
  readonly clusterId: Uuid | undefined;
  readonly directoryId: Uuid | undefined;
}

export function formatMetaProperties(meta: MetaProperties): Uint8Array {
  const lines = [
    ...(meta.clusterId === undefined ? [] : [`cluster.id=${meta.clusterId}`]),
    ...(meta.directoryId === undefined ? [] : [`directory.id=${meta.directoryId}`]),
    `node.id=${meta.nodeId}`,
    `version=${META_VERSION}`,
    '',
  ];
  return new TextEncoder().encode(lines.join('\n'));
}

/** The values, or the reason why the file cannot be used. */
export function parseMetaProperties(bytes: Uint8Array): MetaProperties | string {
  const values = new Map<string, string>();
  for (const line of new TextDecoder().decode(bytes).split(/\r?\n/)) {
    const match = /^\s*([^#!=\s][^=\s]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match !== null) values.set(match[1]!, match[2]!);
  }
  const version = values.get('version');
  if (version === undefined || !/^\d+$/.test(version)) return 'no version is given';
  if (Number(version) > META_VERSION)
    return `the format version is ${version}, this Millrace knows versions up to ${META_VERSION}; use a newer Millrace`;
  if (Number(version) < META_VERSION) return `the format version is ${version}, from Kafka with ZooKeeper`;
  const nodeId = values.get('node.id');
  if (nodeId === undefined || !/^\d+$/.test(nodeId)) return 'no node.id is given';
  const clusterId = values.get('cluster.id');
  const directoryId = values.get('directory.id');
  if (clusterId !== undefined && !isUuid(clusterId)) return `the cluster.id ${clusterId} is not a valid id`;
  if (directoryId !== undefined && !isUuid(directoryId))
    return `the directory.id ${directoryId} is not a valid id`;
  return { nodeId: Number(nodeId), clusterId, directoryId };
}

/** The broker epoch of the marker, or -1 if it holds none. Kafka reads and writes the same JSON. */
export function parseCleanShutdown(bytes: Uint8Array): number {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === 'object' && value !== null && 'brokerEpoch' in value) {
      const { brokerEpoch } = value;
      if (typeof brokerEpoch === 'number' && Number.isSafeInteger(brokerEpoch)) return brokerEpoch;
    }
  } catch {
    // An empty or unreadable marker is a clean stop too, with an unknown epoch.
  }
  return -1;
}

export function formatCleanShutdown(brokerEpoch: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: 0, brokerEpoch }));
}

export interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
}

export function formatOffsets(entries: Iterable<PartitionOffset>): Uint8Array {
  const lines: string[] = [];
  for (const { topic, partition, offset } of entries) lines.push(`${topic} ${partition} ${offset}`);
  return formatCheckpoint(lines);
}

/** The offsets by `topic-partition`, or undefined if the file is damaged. */
export function parseOffsets(bytes: Uint8Array): Map<string, Offset> | undefined {
  const offsets = new Map<string, Offset>();
  for (const line of parseCheckpoint(bytes) ?? ['damaged']) {
    const match = /^(\S+) (\d+) (\d+)$/.exec(line);
    if (match === null) return undefined;
    offsets.set(`${match[1]}-${match[2]}`, Number(match[3]));
  }
  return offsets;
}
