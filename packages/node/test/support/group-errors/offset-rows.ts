/** Bad requests about committed offsets: OffsetCommit, OffsetFetch and OffsetDelete. */
import type { Uuid } from '@millrace/base';
import { apis } from '@millrace/protocol';
import { type Row, rowsOf } from './row.ts';
import { INSTANCE, MEMBER, TOPIC } from './scene.ts';

const UNKNOWN_ID = 'AAAAAAAAAAAAAAAAAAAAZA' as Uuid;
const METADATA_MAX_CHARS = 4096;
const asInstance = { groupInstanceId: INSTANCE };
const ofPartition = 'topics.partitions.errorCode';

const commit = rowsOf(apis.offsetCommit, [
  [
    '2-9',
    'UNKNOWN_TOPIC_OR_PARTITION',
    '13.1',
    'the topic does not exist',
    (s, ask) => ask(s.commitOf({}, {}, { name: 'unknown' })),
  ],
  [
    '10',
    'UNKNOWN_TOPIC_ID',
    '13.1',
    'no topic has the id',
    (s, ask) => ask(s.commitOf({}, {}, { topicId: UNKNOWN_ID })),
  ],
  [
    '2-10',
    'UNKNOWN_TOPIC_OR_PARTITION',
    '13.1',
    'the topic has no such partition',
    (s, ask) => ask(s.commitOf({}, { partitionIndex: 9 })),
  ],
  [
    '2-10',
    'OFFSET_METADATA_TOO_LARGE',
    '13.1',
    'the metadata is a character too long',
    (s, ask) => ask(s.commitOf({}, { committedMetadata: 'm'.repeat(METADATA_MAX_CHARS + 1) })),
  ],
  [
    '9-10',
    'GROUP_ID_NOT_FOUND',
    '13.1',
    'the group does not exist, and there is a generation',
    (s, ask) => ask(s.commitOf({ generationIdOrMemberEpoch: 0 })),
  ],
  [
    '2-8',
    'ILLEGAL_GENERATION',
    '13.1',
    'the group does not exist, and there is a generation',
    (s, ask) => ask(s.commitOf({ generationIdOrMemberEpoch: 0 })),
  ],
  [
    '2-10',
    'UNKNOWN_MEMBER_ID',
    '13.1',
    'the group has members, and the client is none',
    async (s, ask) => {
      await s.stable();
      return ask(s.commitOf());
    },
  ],
  [
    '2-10',
    'UNKNOWN_MEMBER_ID',
    '13.1',
    'the group does not know the member id',
    async (s, ask) => {
      await s.stable();
      return ask(s.commitOf({ memberId: 'unknown', generationIdOrMemberEpoch: 1 }));
    },
  ],
  [
    '2-10',
    'UNKNOWN_MEMBER_ID',
    '13.1',
    'the KIP-848 group does not know the member id',
    async (s, ask) => {
      const epoch = await s.consumer();
      return ask(s.commitOf({ memberId: 'unknown', generationIdOrMemberEpoch: epoch }));
    },
  ],
  [
    '7-10',
    'FENCED_INSTANCE_ID',
    '13.1',
    'another member has the instance id',
    async (s, ask) => {
      await s.stable(asInstance);
      return ask(s.commitOf({ memberId: 'unknown', generationIdOrMemberEpoch: 1, ...asInstance }));
    },
  ],
  [
    '2-10',
    'ILLEGAL_GENERATION',
    '13.1',
    'the generation is older',
    async (s, ask) => ask(s.commitOf({ memberId: await s.stable(), generationIdOrMemberEpoch: 0 })),
  ],
  [
    '2-10',
    'ILLEGAL_GENERATION',
    '13.1',
    'the generation is newer than the epoch of the classic member of a KIP-848 group',
    async (s, ask) => ask(s.commitOf({ memberId: await s.mixed(), generationIdOrMemberEpoch: 2 })),
  ],
  [
    '2-10',
    'REBALANCE_IN_PROGRESS',
    '13.1',
    'the group waits for the assignments of its leader',
    async (s, ask) => ask(s.commitOf({ memberId: await s.joined(), generationIdOrMemberEpoch: 1 })),
  ],
  [
    '2-8',
    'UNSUPPORTED_VERSION',
    '13.1',
    'the member uses the consumer protocol',
    async (s, ask) => {
      const epoch = await s.consumer();
      return ask(s.commitOf({ memberId: MEMBER, generationIdOrMemberEpoch: epoch }));
    },
  ],
  [
    '9-10',
    'STALE_MEMBER_EPOCH',
    '13.1',
    'the member epoch is newer',
    async (s, ask) => {
      const epoch = await s.consumer();
      return ask(s.commitOf({ memberId: MEMBER, generationIdOrMemberEpoch: epoch + 1 }));
    },
  ],
  [
    '9-10',
    'STALE_MEMBER_EPOCH',
    '13.1',
    'the member epoch is older than the assignment of the partition',
    async (s, ask) => {
      await s.consumer();
      return ask(s.commitOf({ memberId: MEMBER, generationIdOrMemberEpoch: 0 }));
    },
  ],
  [
    '2-10',
    'UNKNOWN_SERVER_ERROR',
    '13.1',
    'the records would be larger than a batch',
    (s, ask) => {
      const partition = {
        partitionIndex: 0,
        committedOffset: 5,
        committedMetadata: 'm'.repeat(METADATA_MAX_CHARS),
      };
      return ask(s.commitOf({}, {}, { partitions: Array.from({ length: 300 }, () => partition) }));
    },
  ],
]);

const fetch = rowsOf(apis.offsetFetch, [
  [
    '9-10',
    'UNKNOWN_MEMBER_ID',
    '13.2',
    'the KIP-848 group does not know the member id',
    async (s, ask) => {
      const memberEpoch = await s.consumer();
      return ask(s.fetchOf({ memberId: 'unknown', memberEpoch }));
    },
  ],
  [
    '9-10',
    'STALE_MEMBER_EPOCH',
    '13.2',
    'the member epoch is older',
    async (s, ask) => {
      const epoch = await s.consumer();
      return ask(s.fetchOf({ memberId: MEMBER, memberEpoch: epoch - 1 }));
    },
  ],
  [
    '9-10',
    'STALE_MEMBER_EPOCH',
    '13.2',
    'the member epoch is newer',
    async (s, ask) => {
      const epoch = await s.consumer();
      return ask(s.fetchOf({ memberId: MEMBER, memberEpoch: epoch + 1 }));
    },
  ],
  [
    '9-10',
    'ILLEGAL_GENERATION',
    '13.2, 14.6',
    'the epoch is newer than that of the classic member of a KIP-848 group',
    async (s, ask) => ask(s.fetchOf({ memberId: await s.mixed(), memberEpoch: 2 })),
  ],
  [
    '10',
    'UNKNOWN_TOPIC_ID',
    '13.2',
    'no topic has the id',
    async (s, ask) => {
      await s.simple();
      return ask(s.fetchOf({}, UNKNOWN_ID));
    },
    'groups.topics.partitions.errorCode',
  ],
]);

const deletion = rowsOf(apis.offsetDelete, [
  [
    '0',
    'INVALID_GROUP_ID',
    '12.1',
    'the group id is empty',
    (s, ask) => ask({ ...s.deletionOf(), groupId: '' }),
  ],
  ['0', 'GROUP_ID_NOT_FOUND', '13.3', 'the group does not exist', (s, ask) => ask(s.deletionOf())],
  [
    '0',
    'NON_EMPTY_GROUP',
    '13.3',
    'the group has members that are not consumers',
    async (s, ask) => {
      await s.stable({ protocolType: 'connect' });
      return ask(s.deletionOf());
    },
  ],
  [
    '0',
    'GROUP_SUBSCRIBED_TO_TOPIC',
    '13.3',
    'a member of a classic group subscribes to the topic',
    async (s, ask) => {
      await s.stable();
      return ask(s.deletionOf());
    },
    ofPartition,
  ],
  [
    '0',
    'GROUP_SUBSCRIBED_TO_TOPIC',
    '13.3',
    'a member of a KIP-848 group subscribes to the topic',
    async (s, ask) => {
      await s.consumer();
      return ask(s.deletionOf());
    },
    ofPartition,
  ],
  [
    '0',
    'UNKNOWN_TOPIC_OR_PARTITION',
    '13.3',
    'the topic does not exist',
    async (s, ask) => {
      await s.simple();
      return ask(s.deletionOf('unknown'));
    },
    ofPartition,
  ],
  [
    '0',
    'UNKNOWN_TOPIC_OR_PARTITION',
    '13.3',
    'the topic has no such partition',
    async (s, ask) => {
      await s.simple();
      return ask(s.deletionOf(TOPIC, 9));
    },
    ofPartition,
  ],
]);

export const offsetRows: readonly Row[] = [...commit, ...fetch, ...deletion];
