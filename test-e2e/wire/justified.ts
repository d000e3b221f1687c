/**
 * The only list of the differences between Millrace's answers and Apache Kafka's, with the reason for each.
 * docs/protocol.md is generated from this list. `npm run compare:wire` fails on a difference that no entry
 * covers, and on an entry that covers no difference.
 */
export interface Justification {
  /** Kafka's name of the API; undefined: any API. */
  readonly api?: string;
  /** For example '4-12', which includes both versions. Undefined: all versions. */
  readonly versions?: `${number}-${number}`;
  /** The names of the cases; undefined: all cases. */
  readonly cases?: RegExp;
  /** The cases in words. */
  readonly when: string;
  /**
   * The fields of the answer, without the names of elements: `topics.partitions.errorCode`. Empty: the whole
   * answer.
   */
  readonly field: RegExp;
  /**
   * The path with the names of the elements, for example `results{2 orders}.configs{flush.ms}`. Undefined:
   * all elements.
   */
  readonly element?: RegExp;
  /**
   * What Millrace answers: a pattern, or the exact value of each field. The key is the last name in the path
   * of the field.
   */
  readonly ours?: RegExp | Readonly<Record<string, string>>;
  readonly peer?: RegExp;
  /** The behaviour of Millrace and of Apache Kafka, and why the difference stays. */
  readonly reason: string;
}

const anySession = /sessionId=(-2147483648|2147483647)$/;
const negativeLimit = /axBytes=-/;
const allOfTheBroker = /^all of the broker$/;
const unnamed = /^by neither$|topics\[\]\.name=(null|length 2\^31)$/;
const ofGroupTwice = /^(member: )?groups=duplicate$|^groupIds=duplicate$|^a group twice$/;
const NO_COORDINATOR = { errorCode: '42 INVALID_REQUEST', host: '""', nodeId: '-1', port: '-1' };
const nowhere = /topics\[\]\.name=''$/;

/**
 * Shared by two entries. The difference occurs in two APIs, and each API has its own entry, because each
 * entry must cover a difference.
 */
const unknownSetting: Justification = {
  cases: /no\.such\.setting|throttled\.rate=1000/,
  when: 'a setting of brokers that Millrace does not have',
  field: /^responses\.errorCode$/,
  ours: /INVALID_REQUEST/,
  reason:
    'Millrace answers INVALID_REQUEST, so that nobody relies on a setting that has no effect or a wrong name. Apache Kafka accepts any name, because a plugin may read the setting.',
};
const describedTwice: Justification = {
  cases: ofGroupTwice,
  when: 'a group is named more than once',
  field: /^groups$/,
  ours: /^absent$/,
  reason:
    'Millrace describes the group once, because a few bytes of request must not become a large answer. Apache Kafka describes the group each time.',
};

export const justifications: readonly Justification[] = [
  {
    when: 'a request fails',
    field: /(^|\.)errorMessage$/,
    ours: /^"<text>"$/,
    peer: /^(null|"")$/,
    reason: 'In some cases only Millrace sends an error message; Apache Kafka sends the error code alone.',
  },
  {
    api: 'ApiVersions',
    when: 'always',
    field: /^apiKeys$/,
    ours: /^absent$/,
    reason: 'Millrace advertises only the APIs that it has.',
  },
  {
    api: 'ApiVersions',
    when: 'always',
    versions: '3-4',
    field: /^(supportedFeatures|finalizedFeatures|finalizedFeaturesEpoch)$/,
    reason: 'Millrace has no features (KIP-584) and advertises none.',
  },
  {
    api: 'Metadata',
    versions: '12-13',
    cases: unnamed,
    when: 'a topic is named by neither name nor id',
    field: /^(brokers|clusterId|controllerId|errorCode|topics\.(errorCode|topicAuthorizedOperations))$/,
    reason:
      'Millrace refuses this topic with INVALID_TOPIC_EXCEPTION and answers for the other topics. Apache Kafka fails the whole request: its answer has UNKNOWN_SERVER_ERROR, and no brokers.',
  },
  {
    api: 'DescribeTopicPartitions',
    cases: nowhere,
    when: 'the name of a topic is empty',
    field: /^topics\.(errorCode|partitions|topicAuthorizedOperations|topicId)$/,
    reason:
      'Millrace refuses this topic and describes the others. Apache Kafka answers with an error for all topics of the request.',
  },
  {
    api: 'DescribeTopicPartitions',
    cases: /cursor\.partitionIndex=2147483647$/,
    when: 'the cursor points far beyond the last partition',
    field: /^nextCursor$/,
    peer: /"partitionIndex":-/,
    reason:
      'Millrace continues with the next topic. In Apache Kafka the partition index overflows, so the answer has a cursor that Apache Kafka refuses in the next request.',
  },
  {
    api: 'DescribeConfigs',
    cases: /=duplicate$/,
    when: 'a resource is named more than once',
    field: /^results$/,
    ours: /^absent$/,
    reason:
      'Millrace describes the resource once, because a few bytes of request must not become a large answer. Apache Kafka describes the resource each time. Admin clients keep only one answer for a resource.',
  },
  {
    api: 'AlterConfigs',
    cases: /^resources=duplicate$|^a topic twice$/,
    when: 'a resource is named more than once',
    field: /^$/,
    ours: /^answer/,
    peer: /^silence$/,
    reason:
      'Millrace answers INVALID_REQUEST for this resource. In Apache Kafka an exception occurs, and the client gets no answer.',
  },
  { api: 'AlterConfigs', ...unknownSetting },
  { api: 'IncrementalAlterConfigs', ...unknownSetting },
  {
    api: 'IncrementalAlterConfigs',
    cases: /configOperation=|^operation |^loggers: .*,(4|-1),/,
    when: 'an unknown operation',
    field: /^responses\.errorCode$/,
    ours: /INVALID_REQUEST/,
    reason: 'Millrace answers INVALID_REQUEST. Apache Kafka answers UNKNOWN_SERVER_ERROR.',
  },
  {
    api: 'DescribeConfigs',
    cases: /^loggers$/,
    when: 'all loggers of a broker',
    field: /^results\.configs$/,
    reason: 'The loggers of Millrace have other names (docs/logging.md). Both have a logger `root`.',
  },
  {
    api: 'DescribeConfigs',
    cases: /^type 16, an odd name$/,
    when: 'client metrics',
    field: /^results\.(errorCode|configs)$/,
    reason: 'Millrace has no configs of client metrics and answers INVALID_REQUEST.',
  },
  {
    api: 'DescribeConfigs',
    cases: /^type 32, an odd name$/,
    when: 'groups',
    field: /^results\.configs$/,
    element: /configs\{(share|streams)\./,
    reason: 'Millrace has no share groups and no streams groups, so it lists no configs for them.',
  },
  {
    api: 'DescribeConfigs',
    when: 'min.insync.replicas of the cluster',
    cases: /^(?!all of the broker)/,
    field: /^results\.configs(\.configSource|\.synonyms\.source)?$/,
    element: /configs\{min\.insync\.replicas\}/,
    reason:
      'A new cluster of Apache Kafka has eligible leader replicas, and therefore sets min.insync.replicas as a dynamic default of all brokers. In Millrace each node uses its own setting until a request sets a dynamic default.',
  },
  {
    api: 'CreateTopics',
    versions: '5-7',
    when: 'min.insync.replicas of the cluster',
    field: /^topics\.configs\.configSource$/,
    element: /configs\{min\.insync\.replicas\}/,
    reason:
      'In Millrace each node uses its own setting until a request sets a dynamic default of all brokers. A new cluster of Apache Kafka sets such a default itself.',
  },
  {
    api: 'DescribeConfigs',
    when: 'configs of a topic for which Apache Kafka has no default in a broker setting',
    cases: /^(?!all of the broker)/,
    field: /^results\.configs\.synonyms$/,
    element: /configs\{(flush|retention|segment|segment\.jitter)\.ms\}|configs\{(remote|leader|follower)\./,
    ours: /^present$/,
    reason:
      'For flush.ms, retention.ms, segment.ms, segment.jitter.ms, remote.* and the lists of throttled replicas, Millrace lists the default among the synonyms. Apache Kafka lists no default for these configs, because their broker setting is null or does not exist.',
  },
  {
    api: 'DescribeConfigs',
    cases: allOfTheBroker,
    when: 'all settings of a broker',
    field: /^results\.configs(\.|$)/,
    reason:
      'Millrace has fewer settings and other defaults (docs/configuration.md gives the reasons). The listeners of a broker of Millrace do not change while the broker runs.',
  },
  {
    api: 'CreateTopics',
    versions: '7-7',
    when: 'validateOnly',
    field: /^topics\.topicId$/,
    ours: /^"A{22}"$/,
    reason:
      'Millrace returns no topic id, because it creates no topic. Apache Kafka returns an id that no topic has.',
  },
  {
    api: 'CreatePartitions',
    cases: /^20,000 more$/,
    when: 'more than 10,000 partitions at once',
    field: /^results\.errorCode$/,
    ours: /POLICY_VIOLATION/,
    reason:
      'Millrace answers POLICY_VIOLATION. Apache Kafka answers UNKNOWN_SERVER_ERROR. Millrace and Apache Kafka both answer POLICY_VIOLATION to a CreateTopics of this size.',
  },
  {
    api: 'DescribeQuorum',
    when: 'always',
    versions: '2-2',
    field: /^topics\.partitions\.currentVoters\.replicaDirectoryId$/,
    reason:
      'Millrace always returns the directory ids of its voters. Apache Kafka returns them only if its voters can change while the quorum runs.',
  },
  {
    api: 'DescribeQuorum',
    when: 'always',
    field: /^topics\.partitions\.observers$/,
    ours: /^present$/,
    reason:
      'In the comparison the brokers of Millrace are observers of the quorum. Apache Kafka runs as one process, which is a voter.',
  },
  {
    api: 'InitProducerId',
    cases: /transactionalId=/,
    when: 'there is a transactional id',
    field: /^(errorCode|producerId|producerEpoch)$/,
    ours: /UNSUPPORTED_VERSION|^-1$/,
    reason: 'Millrace answers UNSUPPORTED_VERSION, because it has no transactions yet.',
  },
  {
    api: 'FindCoordinator',
    versions: '1-6',
    cases: /^keyType=1$/,
    when: 'the key is a transactional id',
    field: /^(coordinators\.)?(errorCode|host|nodeId|port)$/,
    ours: NO_COORDINATOR,
    reason: 'Millrace has no transactions yet and answers INVALID_REQUEST.',
  },
  {
    api: 'FindCoordinator',
    versions: '6-6',
    cases: /^a share partition$/,
    when: 'the key is a share partition',
    field: /^coordinators\.(errorCode|host|nodeId|port)$/,
    ours: NO_COORDINATOR,
    reason: 'Millrace has no share groups and answers INVALID_REQUEST.',
  },
  {
    api: 'JoinGroup',
    versions: '5-9',
    cases: /^groupInstanceId=/,
    when: 'a member joins with an instance id, and with a member id that it got without an instance id',
    field: /^(errorCode|memberId)$/,
    ours: { errorCode: '25 UNKNOWN_MEMBER_ID', memberId: '"<member>"' },
    peer: /^(-1 UNKNOWN_SERVER_ERROR|"")$/,
    reason:
      'Millrace answers UNKNOWN_MEMBER_ID, and the client joins again. Apache Kafka answers UNKNOWN_SERVER_ERROR.',
  },
  {
    api: 'JoinGroup',
    cases: /^a protocol twice$/,
    when: 'a member names a protocol more than once',
    field: /^$/,
    ours: /^answer 0$/,
    peer: /^silence$/,
    reason: 'Millrace lets the member join. Apache Kafka never answers.',
  },
  {
    api: 'JoinGroup',
    cases: /^101 protocols$/,
    when: 'a member names more than 100 protocols',
    field: /^/,
    ours: /INCONSISTENT_GROUP_PROTOCOL|^(-1|""|null|absent|"<member>")$/,
    reason:
      'Millrace answers INCONSISTENT_GROUP_PROTOCOL, because a limit must bound the work for one request. A client names one protocol for each of its assignors, so 100 are enough. Apache Kafka has no limit.',
  },
  {
    api: 'JoinGroup',
    cases: /^client id x\*1000$/,
    when: 'a client id has more than 255 characters',
    field: /^(memberId|leader|members)$/,
    // 264 is the length of 255 characters, a hyphen, "<uuid>" and two quotes.
    ours: /^("x{159}… \(264\)|present|absent)$/,
    reason:
      'In Millrace a new member id begins with the first 255 characters of the client id. In Apache Kafka a new member id begins with the whole client id.',
  },
  {
    api: 'ConsumerGroupHeartbeat',
    versions: '1-1',
    cases: /^a regex of 1,001 characters$/,
    when: 'a regular expression has more than 1,000 characters',
    field: /^(errorCode|memberId|memberEpoch|heartbeatIntervalMs|assignment)$/,
    ours: {
      errorCode: '128 INVALID_REGULAR_EXPRESSION',
      memberId: 'null',
      memberEpoch: '0',
      heartbeatIntervalMs: '0',
      assignment: 'null',
    },
    reason:
      'Millrace answers INVALID_REGULAR_EXPRESSION, because the time to match a name grows with the length of the expression. Apache Kafka has no limit.',
  },
  {
    api: 'OffsetFetch',
    versions: '9-10',
    cases: /memberId=(null|length 2\^31)$|^consumer: an epoch without a member$/,
    when: 'the group is a consumer group, and the request has a member epoch but no member id',
    field: /^groups\.errorCode$/,
    ours: { errorCode: '25 UNKNOWN_MEMBER_ID' },
    reason: 'Millrace answers UNKNOWN_MEMBER_ID. Apache Kafka answers UNKNOWN_SERVER_ERROR.',
  },
  { api: 'DescribeGroups', ...describedTwice },
  { api: 'ConsumerGroupDescribe', ...describedTwice },
  {
    api: 'OffsetFetch',
    versions: '8-10',
    cases: ofGroupTwice,
    when: 'a group is named more than once',
    field: /^groups$/,
    ours: /^absent$/,
    reason:
      'Millrace answers for the group once, with the topics of all mentions, and checks the member of the first mention. Apache Kafka sends an answer for each mention.',
  },
  {
    api: 'OffsetFetch',
    cases: /partitionIndexes=duplicate$|topics=duplicate$|partitionIndexes\[\]=1$|^a partition twice$/,
    when: 'a partition is named more than once',
    field: /^(groups\.)?topics(\.partitions)?$/,
    ours: /^absent$/,
    reason:
      'Millrace answers for the partition once, because the metadata of a committed offset may be large. Apache Kafka sends an answer for each mention.',
  },
  {
    cases: /^includeRebalances=/,
    when: 'DescribeGroups or ConsumerGroupDescribe asks for the last rebalances in a tagged field of Millrace',
    field: /^groups\.rebalances$/,
    peer: /^null$/,
    reason: 'Millrace returns the last rebalances of the group. Apache Kafka ignores the field.',
  },
  {
    api: 'ConsumerGroupHeartbeat',
    cases: /^consumer: another assignor$/,
    when: 'a member asks for another assignor',
    field: /^memberEpoch$/,
    ours: { memberEpoch: '3' },
    peer: /^2$/,
    reason:
      'Millrace uses the new assignor at once, and raises the group epoch (KIP-848). Apache Kafka uses the new assignor only from the next rebalance on.',
  },
  {
    api: 'Fetch',
    cases: negativeLimit,
    when: 'a size limit is negative',
    field: /^responses\.partitions\./,
    reason:
      'Millrace treats a negative limit as 0 and returns the first batch, so that a consumer makes progress. Apache Kafka answers with an error for the partition, or returns no records.',
  },
  {
    api: 'Fetch',
    versions: '7-18',
    cases: anySession,
    when: 'a request closes a session, and the session id is the smallest or largest int32',
    field: /^(errorCode|sessionId|responses(\.|$))/,
    reason: 'Millrace answers as for any other unknown session. Apache Kafka answers UNKNOWN_SERVER_ERROR.',
  },
  {
    api: 'Fetch',
    versions: '12-15',
    when: 'this broker does not lead the partition',
    field: /\.currentLeader\.(leaderId|leaderEpoch)$/,
    peer: /^-1$/,
    reason:
      'Millrace returns the leader in every version that has a field for it. Apache Kafka returns the leader only from version 16 on.',
  },
  {
    api: 'Fetch',
    versions: '16-18',
    cases: /replica/,
    when: 'a follower asks a broker that does not lead its partition',
    field: /^nodeEndpoints$/,
    ours: /^present$/,
    reason:
      "Millrace returns the leader's address to consumers and followers. Apache Kafka returns it only to consumers.",
  },
  {
    api: 'Fetch',
    versions: '7-18',
    cases: /^no topics, a session$/,
    when: 'a request asks for a session and names no partitions',
    field: /^sessionId$/,
    ours: /^0$/,
    reason:
      'Millrace opens no session without partitions. The client may ask for a session again in a request with partitions.',
  },
  {
    api: 'Produce',
    cases: /=duplicate$/,
    when: 'a partition is named more than once',
    field: /^responses(\.partitionResponses)?$/,
    ours: /^present$/,
    reason:
      'Millrace appends each batch and sends an answer for each. Apache Kafka appends only the last batch and sends one answer, and a client takes this answer as the answer to all batches.',
  },
  {
    api: 'Produce',
    cases: /^null records$/,
    when: 'records are null',
    field: /^$/,
    peer: /^silence$/,
    reason:
      'Millrace answers INVALID_RECORD. Apache Kafka never answers, so the client waits until its own timeout ends.',
  },
  {
    api: 'Produce',
    cases: /^a gap between the offsets of records$/,
    when: 'the offsets of the records of an uncompressed batch have a gap',
    field: /\.(errorCode|baseOffset)$/,
    reason:
      'Millrace answers INVALID_RECORD, because a record after the gap would get the same offset as a record of the next batch. Apache Kafka appends the batch.',
  },
  {
    api: 'Produce',
    versions: '5-13',
    when: 'a batch is refused',
    field: /\.logStartOffset$/,
    ours: /^0$/,
    peer: /^-1$/,
    reason:
      'Millrace returns the log start offset with every error about a partition that it leads. Apache Kafka does so only with some errors.',
  },
  {
    api: 'Produce',
    cases: /^(an unknown producer id|a producer id without an epoch)/,
    when: 'a batch is a duplicate',
    field: /\.logAppendTimeMs$/,
    ours: /^-1$/,
    reason:
      'Apache Kafka returns the timestamp of the batch as the append time, even with CreateTime. Millrace returns an append time only with LogAppendTime.',
  },
];
