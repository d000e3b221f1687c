/** The handlers of all APIs. No other list says which APIs this broker answers and advertises. */
import type { Handler } from '../handler.ts';
import { alterConfigs, incrementalAlterConfigs } from './alter-configs.ts';
import { apiVersions } from './api-versions.ts';
import { offsetCommit, offsetDelete, offsetFetch } from './committed-offsets.ts';
import { describeConfigs } from './configs.ts';
import { deleteRecords } from './delete-records.ts';
import { describeCluster } from './describe-cluster.ts';
import { describeLogDirs } from './describe-log-dirs.ts';
import { describeQuorum } from './describe-quorum.ts';
import { describeTopicPartitions } from './describe-topic-partitions.ts';
import { fetch } from './fetch.ts';
import { findCoordinator } from './find-coordinator.ts';
import { consumerGroupHeartbeat, heartbeat, joinGroup, leaveGroup, syncGroup } from './group-membership.ts';
import { consumerGroupDescribe, deleteGroups, describeGroups, listGroups } from './groups.ts';
import { initProducerId } from './init-producer-id.ts';
import { listConfigResources } from './list-config-resources.ts';
import { listOffsets, offsetForLeaderEpoch } from './list-offsets.ts';
import { metadata } from './metadata.ts';
import { produce } from './produce.ts';
import { createPartitions, createTopics, deleteTopics } from './topics.ts';

export const handlers: readonly Handler[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  describeLogDirs,
  alterConfigs,
  createPartitions,
  deleteGroups,
  incrementalAlterConfigs,
  listConfigResources,
  offsetDelete,
  describeQuorum,
  describeCluster,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  describeTopicPartitions,
];
