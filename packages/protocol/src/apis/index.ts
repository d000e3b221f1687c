/**
 * The APIs that this package encodes and decodes. The broker advertises the APIs that have a handler
 * (broker/src/handlers/index.ts).
 *
 * In the heads of these files, "flexible" means Kafka's flexible versions (KIP-482): lengths are compact, and
 * structs end in tagged fields.
 *
 * To add an API:
 * 1. Here: write its schema table, with all versions, in a file beside this one, and register it below.
 * 2. `protocol/test/goldens/`: record its bytes in each version, with `record.ts` (a real client and a real
 *    broker) or `ask.ts` (versions that no client sends). `kafka-codec.ts` lets Kafka's own classes encode an
 *    API, for versions and fields that no capture has.
 * 3. `broker/src/handlers/`: write its handler, and register it in `index.ts` there when it is finished.
 *    The broker advertises the APIs of that list. Add the API to the expected list in
 *    `broker/test/scenarios/metadata-requests.test.ts`, too. If its requests bring records, or create,
 *    extend, alter or delete topics, add the API to `bringing` in `broker/src/router.ts`.
 * 4. If the active controller answers the API: write the decision in `controller/src/`. Add the API to
 *    `node/src/roles/control/forwarded.ts`, and to `FORWARDED` in `sim/src/net/rpc-sniffer.ts`.
 * 5. `test-e2e/wire/cases/`: add a valid request, and the mutations that only this API needs. Then
 *    `npm run compare:wire -- --api NAME` shows each difference from Apache Kafka. If a difference should
 *    stay, give its reason in `wire/justified.ts`. `node test-e2e/wire/generate-docs.ts` writes
 *    `docs/protocol.md`.
 * 6. `docs/late-requests.md`: add a row that says why a late copy of the request is harmless. The seeds of
 *    `sim` must reach new error codes, unless `sim/src/coverage/errors.ts` exempts these codes.
 * 7. `test-e2e/clients/`: add a test in which a real client uses the API.
 */
import type { AnyApi } from '../api.ts';
import { alterConfigs } from './alter-configs.ts';
import { apiVersions } from './api-versions.ts';
import { consumerGroupDescribe } from './consumer-group-describe.ts';
import { consumerGroupHeartbeat } from './consumer-group-heartbeat.ts';
import { createPartitions } from './create-partitions.ts';
import { createTopics } from './create-topics.ts';
import { deleteGroups } from './delete-groups.ts';
import { deleteRecords } from './delete-records.ts';
import { deleteTopics } from './delete-topics.ts';
import { describeCluster } from './describe-cluster.ts';
import { describeConfigs } from './describe-configs.ts';
import { describeGroups } from './describe-groups.ts';
import { describeLogDirs } from './describe-log-dirs.ts';
import { describeQuorum } from './describe-quorum.ts';
import { describeTopicPartitions } from './describe-topic-partitions.ts';
import { fetch } from './fetch.ts';
import { findCoordinator } from './find-coordinator.ts';
import { heartbeat } from './heartbeat.ts';
import { incrementalAlterConfigs } from './incremental-alter-configs.ts';
import { initProducerId } from './init-producer-id.ts';
import { joinGroup } from './join-group.ts';
import { leaveGroup } from './leave-group.ts';
import { listConfigResources } from './list-config-resources.ts';
import { listGroups } from './list-groups.ts';
import { listOffsets } from './list-offsets.ts';
import { metadata } from './metadata.ts';
import { offsetCommit } from './offset-commit.ts';
import { offsetDelete } from './offset-delete.ts';
import { offsetFetch } from './offset-fetch.ts';
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts';
import { produce } from './produce.ts';
import { syncGroup } from './sync-group.ts';

/** The APIs that have a table. */
export const apis = {
  produce,
  fetch,
  listOffsets,
  metadata,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  describeLogDirs,
  alterConfigs,
  incrementalAlterConfigs,
  listConfigResources,
  createPartitions,
  describeQuorum,
  describeCluster,
  describeTopicPartitions,
  findCoordinator,
  joinGroup,
  syncGroup,
  heartbeat,
  leaveGroup,
  offsetCommit,
  offsetFetch,
  offsetDelete,
  listGroups,
  describeGroups,
  deleteGroups,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
} as const;

export const allApis: readonly AnyApi[] = Object.values(apis);

export const apiByKey: ReadonlyMap<number, AnyApi> = new Map(
  allApis.map((api): [number, AnyApi] => [api.key, api]),
);

export type { AlterConfigsRequest, AlterConfigsResponse } from './alter-configs.ts';
export type { ApiVersionsRequest, ApiVersionsResponse } from './api-versions.ts';
export { ConfigResourceType } from './config-resource.ts';
export type {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from './consumer-group-describe.ts';
export type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from './consumer-group-heartbeat.ts';
export type { CreatePartitionsRequest, CreatePartitionsResponse } from './create-partitions.ts';
export type { CreateTopicsRequest, CreateTopicsResponse } from './create-topics.ts';
export type { DeleteGroupsRequest, DeleteGroupsResponse } from './delete-groups.ts';
export type { DeleteRecordsRequest, DeleteRecordsResponse } from './delete-records.ts';
export type { DeleteTopicsRequest, DeleteTopicsResponse } from './delete-topics.ts';
export type { DescribeClusterRequest, DescribeClusterResponse } from './describe-cluster.ts';
export type { DescribeConfigsRequest, DescribeConfigsResponse } from './describe-configs.ts';
export { ConfigSource } from './describe-configs.ts';
export type { DescribeGroupsRequest, DescribeGroupsResponse } from './describe-groups.ts';
export type { DescribeLogDirsRequest, DescribeLogDirsResponse } from './describe-log-dirs.ts';
export type { DescribeQuorumRequest, DescribeQuorumResponse } from './describe-quorum.ts';
export type {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
} from './describe-topic-partitions.ts';
export type { FetchRequest, FetchResponse } from './fetch.ts';
export type { FindCoordinatorRequest, FindCoordinatorResponse } from './find-coordinator.ts';
export { CoordinatorType } from './find-coordinator.ts';
export type { HeartbeatRequest, HeartbeatResponse } from './heartbeat.ts';
export type {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from './incremental-alter-configs.ts';
export { ConfigOperation } from './incremental-alter-configs.ts';
export type { InitProducerIdRequest, InitProducerIdResponse } from './init-producer-id.ts';
export type { JoinGroupRequest, JoinGroupResponse } from './join-group.ts';
export type { LeaveGroupRequest, LeaveGroupResponse } from './leave-group.ts';
export type { ListConfigResourcesRequest, ListConfigResourcesResponse } from './list-config-resources.ts';
export type { ListGroupsRequest, ListGroupsResponse } from './list-groups.ts';
export type { ListOffsetsRequest, ListOffsetsResponse } from './list-offsets.ts';
export type { MetadataRequest, MetadataResponse } from './metadata.ts';
export type { OffsetCommitRequest, OffsetCommitResponse } from './offset-commit.ts';
export type { OffsetDeleteRequest, OffsetDeleteResponse } from './offset-delete.ts';
export type { OffsetFetchRequest, OffsetFetchResponse } from './offset-fetch.ts';
export type { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from './offset-for-leader-epoch.ts';
export type { ProduceRequest, ProduceResponse } from './produce.ts';
export { MILLRACE_TAG } from './rebalances.ts';
export type { SyncGroupRequest, SyncGroupResponse } from './sync-group.ts';
