/** Removes the differences that any two clusters have: ids, ports, times, the wording of messages. */
import { isAbsolute } from 'node:path';
import { ids } from './mutations.ts';
import type { Values } from './stage.ts';
import type { World } from './world.ts';

const brokerFields = new Set([
  'nodeId',
  'brokerId',
  'leaderId',
  'controllerId',
  'replicaNodes',
  'isrNodes',
  'offlineReplicas',
  'eligibleLeaderReplicas',
  'lastKnownElr',
]);
/** These fields of a DescribeQuorum answer contain the id of a controller. */
const controllerFields = new Set(['leaderId', 'replicaId', 'nodeId']);
/** For these fields the comparison checks only whether there is a value. */
const textFields = new Set(['errorMessage', 'batchIndexErrorMessage', 'documentation']);
const countFields: Record<string, readonly string[]> = {
  Produce: ['baseOffset', 'logAppendTimeMs'],
  Fetch: ['sessionId'],
  InitProducerId: ['producerId'],
  DescribeQuorum: [
    'logEndOffset',
    'highWatermark',
    'lastFetchTimestamp',
    'lastCaughtUpTimestamp',
    'leaderEpoch',
  ],
  ApiVersions: ['finalizedFeaturesEpoch'],
  DescribeLogDirs: ['totalBytes', 'usableBytes'],
};
/**
 * In these count fields, 0 counts as a usual number. In the other count fields, 0 differs from larger
 * numbers.
 */
const zeroCounts = new Set(['baseOffset', 'producerId']);
const echoedIds = new Set<string>(Object.values(ids));
/**
 * An id that a coordinator gives to a member ends with a UUID in hexadecimal, or is a UUID in base64 (22
 * characters).
 */
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const SHORT_UUID = /^[A-Za-z0-9_-]{22}$/;

/**
 * `values`: the ids that the set-up of the case returned. In the answer, a marker such as `<member>` replaces
 * each of these ids.
 */
export function normalised(api: string, value: unknown, world: World, values: Values = {}): unknown {
  const markers = new Map(Object.entries(values).map(([name, text]) => [text, `<${name}>`]));
  const nameOf = new Map([...world.idOf].map(([name, id]) => [id, name]));
  const counts = new Set(countFields[api] ?? []);
  const of = (name: string, member: unknown): unknown => {
    if (member instanceof Uint8Array) return Buffer.from(member).toString('hex');
    if (Array.isArray(member)) return membersOf(name, member);
    if (typeof member === 'object' && member !== null) return struct(member);
    if (api === 'DescribeQuorum') {
      if (controllerFields.has(name) && member === world.controllerId) return '<controller>';
    } else if (brokerFields.has(name) && member === world.brokerId) return '<broker>';
    if (textFields.has(name)) return member === null || member === '' ? member : '<text>';
    if (counts.has(name))
      return (member as number) > 0 || (zeroCounts.has(name) && member === 0) ? '<number>' : member;
    if (name === 'clusterId' && member === world.clusterId) return '<cluster>';
    if (name === 'logDir' && isAbsolute(member as string)) return '<folder>';
    if (name === 'host' && member !== '') return '<host>';
    if (name === 'port' && (member as number) > 0) return '<port>';
    if (name === 'topicId') return topicId(member as string);
    if (name === 'resourceName' && member === String(world.brokerId)) return '<broker>';
    if (api === 'DescribeConfigs' && name === 'name' && member === world.logger) return '<logger>';
    return typeof member === 'string' ? text(name, member) : member;
  };
  const text = (name: string, member: string) => {
    const known = markers.get(member);
    if (known !== undefined) return known;
    if (name === 'memberId' && SHORT_UUID.test(member)) return '<uuid>';
    return name === 'memberId' || name === 'leader' ? member.replace(UUID, '<uuid>') : member;
  };
  const topicId = (id: string) =>
    nameOf.has(id) ? `<id of ${nameOf.get(id)}>` : echoedIds.has(id) ? id : '<id>';
  const struct = (member: object) =>
    Object.fromEntries(Object.entries(member).map(([name, inner]) => [name, of(name, inner)]));
  const membersOf = (name: string, members: readonly unknown[]) => {
    const kept = members.filter(
      (member) => !isForeignTopic(api, member, world) && !isForeignGroup(api, member, values),
    );
    return kept.map((member) => of(name, member));
  };
  return of('', value);
}

/** True for a topic of another run. On a shared cluster, an answer with all topics contains such topics. */
function isForeignTopic(api: string, member: unknown, world: World): boolean {
  if (typeof member !== 'object' || member === null) return false;
  const { name, partitions, errorCode } = member as {
    name?: unknown;
    partitions?: unknown;
    errorCode?: unknown;
  };
  // Each topic in an answer has an error code of its own, except in DescribeLogDirs.
  const isKnown = errorCode === (api === 'DescribeLogDirs' ? undefined : 0);
  if (typeof name !== 'string' || !Array.isArray(partitions) || !isKnown) return false;
  // Other cases send odd batches to this topic. The two sides do not accept the same ones, so the sizes of
  // the logs differ.
  if (api === 'DescribeLogDirs' && name === world.sink) return true;
  return !name.startsWith(world.prefix);
}

/** True for a group of another case, because ListGroups lists all groups. */
function isForeignGroup(api: string, member: unknown, { group }: Values): boolean {
  if (api !== 'ListGroups' || group === undefined) return false;
  return (member as { groupId?: string }).groupId?.startsWith(`${group}-`) === false;
}
