/**
 * The APIs that this package encodes and decodes. The broker advertises the APIs that have a handler
 * (broker/src/handlers/index.ts).
 *
 * To add an API (CONTRIBUTING.md says more about each step):
 * 1. Write its schema table in this folder and add it below. Record its bytes in `test/goldens/`.
 * 2. Write its handler in `broker/src/handlers/`, and add it to the list there when it is finished. Look at
 *    `bringing` in `broker/src/router.ts`, and at `node/src/roles/control/forwarded.ts`.
 * 3. Add its cases in `test-e2e/wire/cases/`, a row in `docs/late-requests.md`, new error codes in
 *    `sim/src/coverage/`, and a test with a real client in `test-e2e/clients/`.
 */
import type { AnyApi } from '../api.ts';
import { apiVersions } from './api-versions.ts';
import { createPartitions } from './create-partitions.ts';
import { createTopics } from './create-topics.ts';
import { deleteTopics } from './delete-topics.ts';
import { describeCluster } from './describe-cluster.ts';
import { describeConfigs } from './describe-configs.ts';
import { describeQuorum } from './describe-quorum.ts';
import { describeTopicPartitions } from './describe-topic-partitions.ts';
import { fetch } from './fetch.ts';
import { initProducerId } from './init-producer-id.ts';
import { listOffsets } from './list-offsets.ts';
import { metadata } from './metadata.ts';
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts';
import { produce } from './produce.ts';

export const apis = {
  produce,
  fetch,
  listOffsets,
  metadata,
  apiVersions,
  createTopics,
  deleteTopics,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  createPartitions,
  describeQuorum,
  describeCluster,
  describeTopicPartitions,
} as const;

export const apiByKey: ReadonlyMap<number, AnyApi> = new Map(
  Object.values(apis).map((api): [number, AnyApi] => [api.key, api]),
);

export type { ApiVersionsRequest, ApiVersionsResponse } from './api-versions.ts';
export type { CreatePartitionsRequest, CreatePartitionsResponse } from './create-partitions.ts';
export type { CreateTopicsRequest, CreateTopicsResponse } from './create-topics.ts';
export type { DeleteTopicsRequest, DeleteTopicsResponse } from './delete-topics.ts';
export type { DescribeClusterRequest, DescribeClusterResponse } from './describe-cluster.ts';
export type { DescribeConfigsRequest, DescribeConfigsResponse } from './describe-configs.ts';
export type { DescribeQuorumRequest, DescribeQuorumResponse } from './describe-quorum.ts';
export type {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
} from './describe-topic-partitions.ts';
export type { FetchRequest, FetchResponse } from './fetch.ts';
export type { InitProducerIdRequest, InitProducerIdResponse } from './init-producer-id.ts';
export type { ListOffsetsRequest, ListOffsetsResponse } from './list-offsets.ts';
export type { MetadataRequest, MetadataResponse } from './metadata.ts';
export type { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from './offset-for-leader-epoch.ts';
export type { ProduceRequest, ProduceResponse } from './produce.ts';
