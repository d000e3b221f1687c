/**
 * Goal: the TypeScript types that follow from the field tables are exact. Method: the compiler checks the
 * types; hardly any code runs.
 */
import type { Uuid } from '@millrace/base';
import {
  apis,
  decodeGroupRecord,
  type FetchResponse,
  type GroupRecordValue,
  type RequestInputOf,
  type RequestOf,
  type ResponseInputOf,
  type ResponseOf,
  type Timestamp,
} from '@millrace/protocol';
import { expect, expectTypeOf, it } from 'vitest';

it('a decoded message has every field, and a field may be null if some version allows null', () => {
  expectTypeOf<RequestOf<typeof apis.produce>>().toEqualTypeOf<{
    transactionalId: string | null;
    acks: number;
    timeoutMs: number;
    topicData: {
      name: string;
      topicId: Uuid;
      partitionData: { index: number; records: Uint8Array | null }[];
    }[];
  }>();
  expectTypeOf<ResponseOf<typeof apis.describeTopicPartitions>['nextCursor']>().toEqualTypeOf<{
    topicName: string;
    partitionIndex: number;
  } | null>();
  expectTypeOf<RequestOf<typeof apis.metadata>['topics']>().toEqualTypeOf<
    { topicId: Uuid; name: string | null }[] | null
  >();
  expectTypeOf<ResponseOf<typeof apis.metadata>['topics'][0]['partitions'][0]['isrNodes']>().toEqualTypeOf<
    number[]
  >();
  expectTypeOf<FetchResponse>().toEqualTypeOf<ResponseOf<typeof apis.fetch>>();
});

it('an encodable message may leave fields out, and accepts records in pieces', () => {
  type Partition = NonNullable<
    NonNullable<ResponseInputOf<typeof apis.fetch>['responses']>[0]['partitions']
  >[0];
  expectTypeOf<Partition['records']>().toEqualTypeOf<Uint8Array | readonly Uint8Array[] | null | undefined>();
  // A decoded message can be encoded as it is.
  expectTypeOf<RequestOf<typeof apis.fetch>>().toExtend<RequestInputOf<typeof apis.fetch>>();
  // @ts-expect-error: no such field
  apis.listOffsets.encodeRequest(5, { replicaID: -1 });
  expectTypeOf<RequestInputOf<typeof apis.listOffsets>>().not.toExtend<{ replicaId: string }>();
});

it('the name of a decoded group record tells the types of its key and value', () => {
  const record = decodeGroupRecord(Uint8Array.of(0, 3, 0, 1, 0x67), null);
  if (record?.name !== 'consumerGroupMetadata') throw new Error('another record');
  expectTypeOf(record.key).toEqualTypeOf<{ groupId: string }>();
  expectTypeOf(record.value).toEqualTypeOf<{ epoch: number; metadataHash: Timestamp } | null>();
  expectTypeOf<GroupRecordValue<'offsetCommit'>['expireTimestamp']>().toEqualTypeOf<number>();
  expect(record.key.groupId).toBe('g');
});
