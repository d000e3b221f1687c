/**
 * OffsetCommit (8), OffsetFetch (9) and OffsetDelete (47): store, read and delete the committed offsets of
 * groups. These handlers resolve topics by the metadata; the group's coordinator does the rest.
 */

import { ZERO_UUID } from '@millrace/base';
import { type CommitTopics, type DeleteTopics, type FetchTopics, gather } from '@millrace/coordinator';
import type { TopicImage } from '@millrace/metadata';
import { apis, ErrorCode, type RequestOf, type ResponseInputOf } from '@millrace/protocol';
import { type BrokerContext, defineHandler, type Request } from '../handler.ts';
import { type AskedGroup, type AskedTopic, distinctGroups, distinctPartitions } from './asked-offsets.ts';

const BY_ID_SINCE = 10;
const MANY_GROUPS_SINCE = 8;
/** Before this version the answer has no error for the whole group. */
const GROUP_ERROR_SINCE = 2;

type Results = readonly { readonly partitionIndex: number; readonly errorCode: number }[];

/**
 * While a coordinator loads, it refuses many commits, so the usual case is short: if every partition of a
 * topic exists, its partitions go to the coordinator, and the results to the client, as they are.
 */
export const offsetCommit = defineHandler(apis.offsetCommit, (broker, { body, version }, reply) => {
  const image = broker.image();
  const usesIds = version >= BY_ID_SINCE;
  const known: CommitTopics[number][] = [];
  const answers = body.topics.filter(hasPartitions).map(({ name, topicId, partitions }) => {
    const topic = usesIds ? image.topicById(topicId) : image.topic(name);
    const refused = refusalsOf(topic, partitions, usesIds);
    const accepted =
      refused === undefined ? partitions : partitions.filter((_unused, at) => refused[at] === ErrorCode.NONE);
    const isKnown = topic !== undefined && accepted.length > 0;
    if (isKnown) known.push({ name: topic.name, topicId: topic.id, partitions: accepted });
    return { name, topicId, partitions, refused, isKnown };
  });
  const answer = (results: readonly { readonly partitions: Results }[]) => {
    let next = 0;
    const topics = answers.map(({ name, topicId, partitions, refused, isKnown }) => {
      const ofTopic = isKnown ? results[next++]!.partitions : [];
      return {
        name,
        topicId,
        partitions: refused === undefined ? ofTopic : withResults({ partitions, refused }, ofTopic.values()),
      };
    });
    reply.send({ topics });
  };
  if (known.length === 0) answer([]);
  else broker.groups.commit({ ...body, version }, known, answer);
});

/** The answer leaves out a topic without partitions. */
function hasPartitions({ partitions }: { readonly partitions: readonly unknown[] }): boolean {
  return partitions.length > 0;
}

/** The error of each partition. Undefined: every partition exists. */
function refusalsOf(
  topic: TopicImage | undefined,
  partitions: readonly { readonly partitionIndex: number }[],
  usesIds: boolean,
): readonly ErrorCode[] | undefined {
  const refusal = (partition: number) => refusalOf(topic, partition, usesIds);
  const exist = partitions.every(({ partitionIndex }) => refusal(partitionIndex) === ErrorCode.NONE);
  return exist ? undefined : partitions.map(({ partitionIndex }) => refusal(partitionIndex));
}

/**
 * The results of all partitions, in the order of the request: the refusals of this broker, and at the other
 * partitions the coordinator's results.
 */
function withResults(
  {
    partitions,
    refused,
  }: {
    readonly partitions: readonly { readonly partitionIndex: number }[];
    readonly refused: readonly ErrorCode[];
  },
  results: Iterator<{ readonly errorCode: number }>,
): { readonly partitionIndex: number; readonly errorCode: number }[] {
  return partitions.map(({ partitionIndex }, at) => {
    const refusal = refused[at]!;
    const errorCode = refusal === ErrorCode.NONE ? results.next().value!.errorCode : refusal;
    return { partitionIndex, errorCode };
  });
}

function refusalOf(topic: TopicImage | undefined, partition: number, usesIds: boolean): ErrorCode {
  if (topic === undefined && usesIds) return ErrorCode.UNKNOWN_TOPIC_ID;
  return topic?.partitions[partition] === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.NONE;
}

type OffsetFetchRequest = RequestOf<typeof apis.offsetFetch>;
type FetchedGroup = NonNullable<ResponseInputOf<typeof apis.offsetFetch>['groups']>[number];
type FetchedTopic = NonNullable<FetchedGroup['topics']>[number];

export const offsetFetch = defineHandler(apis.offsetFetch, (broker, request, reply) => {
  const { body, version } = request;
  if (version >= MANY_GROUPS_SINCE) {
    gather<AskedGroup, FetchedGroup>(
      distinctGroups(body.groups),
      (asked, done) => fetchGroup(broker, request, asked, done),
      (groups) => reply.send({ groups }),
    );
    return;
  }
  const named = body.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null;
  const asked = distinctPartitions({ groupId: body.groupId, memberId: null, memberEpoch: -1, topics: named });
  const { topics } = asked;
  fetchGroup(broker, request, asked, ({ errorCode, topics: fetched }) => {
    const hasError = errorCode !== ErrorCode.NONE;
    if (hasError && version < GROUP_ERROR_SINCE)
      reply.send({ topics: (topics ?? []).map((topic) => failed(topic, errorCode)) });
    else reply.send({ topics: fetched, errorCode });
  });
});

function fetchGroup(
  broker: BrokerContext,
  { version, body: { requireStable } }: Request<OffsetFetchRequest>,
  { groupId, memberId, memberEpoch, topics }: AskedGroup,
  done: (group: FetchedGroup & { errorCode: number }) => void,
): void {
  const image = broker.image();
  const usesIds = version >= BY_ID_SINCE;
  const unknown: FetchedTopic[] = [];
  let known: FetchTopics = null;
  if (topics !== null) {
    const named: AskedTopic[] = [];
    for (const topic of topics) {
      const name = usesIds ? image.topicById(topic.topicId)?.name : topic.name;
      if (name !== undefined) named.push({ ...topic, name });
      else unknown.push(failed(topic, ErrorCode.UNKNOWN_TOPIC_ID));
    }
    known = named;
  }
  const wanted = { groupId, memberId, memberEpoch, requireStable };
  broker.groups.fetch(wanted, known, ({ errorCode, topics: fetched }) => {
    // From version 10 on, the answer names topics only by id, so a topic without an id is left out.
    const told = usesIds ? fetched.filter(({ topicId }) => topicId !== ZERO_UUID) : fetched;
    done({ groupId, errorCode, topics: errorCode === ErrorCode.NONE ? [...told, ...unknown] : [] });
  });
}

const NO_OFFSET = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '' };

function failed({ name, topicId, partitionIndexes }: AskedTopic, errorCode: number): FetchedTopic {
  const partitions = partitionIndexes.map((partitionIndex) => ({ partitionIndex, ...NO_OFFSET, errorCode }));
  return { name, topicId, partitions };
}

export const offsetDelete = defineHandler(apis.offsetDelete, (broker, { body }, reply) => {
  const image = broker.image();
  const known: DeleteTopics[number][] = [];
  const answers = body.topics.filter(hasPartitions).map(({ name, partitions }) => {
    const topic = image.topic(name);
    const refused = partitions.map(({ partitionIndex }) => refusalOf(topic, partitionIndex, false));
    const accepted = partitions.filter((_unused, at) => refused[at] === ErrorCode.NONE);
    if (accepted.length > 0) known.push({ name, partitions: accepted });
    return { name, partitions, refused };
  });
  broker.groups.deleteOffsets(body.groupId, known, ({ errorCode, topics: deleted }) => {
    if (errorCode !== ErrorCode.NONE) {
      reply.send({ errorCode, topics: [] });
      return;
    }
    const rest = deleted.flatMap(({ partitions }) => partitions).values();
    const topics = answers.map(({ name, ...answer }) => ({ name, partitions: withResults(answer, rest) }));
    reply.send({ errorCode: ErrorCode.NONE, topics });
  });
});
