/**
 * The configuration of the front end: limits, each with its effect; whether the broker creates topics; and
 * the properties that DescribeConfigs shows. The node passes in all values. This file reads nothing from the
 * environment.
 */
import type { Millis } from '@millrace/base';
import type { OffsetsTopicConfig } from '@millrace/coordinator';

export interface FrontEndLimits {
  /** `socket.request.max.bytes`: the broker closes a connection on which a larger frame arrives. */
  readonly requestMaxBytes: number;
  /**
   * `queued.max.request.bytes`: bytes held for all connections together. Above this number, the broker stops
   * reading each connection that has sent part of a request. Zero or a negative number: no limit.
   */
  readonly queuedMaxBytes: number;
  /** At this number of pending requests, the broker stops reading a connection. */
  readonly connectionMaxRequests: number;
  /**
   * Bytes held for one connection (requests and answers). At this limit the broker stops reading the
   * connection. A single request may exceed the limit.
   */
  readonly connectionMaxBytes: number;
  /** `max.connections`: the broker immediately closes each new connection above this number. */
  readonly maxConnections: number;
  /**
   * `max.connections.per.ip`: the broker immediately closes a new connection if the client's address already
   * has this many.
   */
  readonly maxConnectionsPerIp: number;
  /** `connections.max.idle.ms`: the broker closes a connection that was idle for this long. */
  readonly idleMs: Millis;
  /**
   * While memory is short, the broker drops a peer that stalls for this long. A peer stalls if it does not
   * send the rest of a frame, or does not read its answers.
   */
  readonly stalledPeerMs: Millis;
  /** How long a peer may take to close a connection after the broker has closed its own side. */
  readonly closeGraceMs: Millis;
}

/**
 * One property of this broker as DescribeConfigs shows it. The node makes these entries from its table of
 * settings.
 */
export interface BrokerConfigEntry {
  /** Kafka's property name. */
  readonly name: string;
  readonly value: string | null;
  readonly defaultValue: string | null;
  /** `static`: set by the file, the environment or the command line. */
  readonly source: 'static' | 'default';
  readonly type: ConfigTypeName;
  readonly documentation: string;
  /** True for a password: DescribeConfigs never shows its value. */
  readonly sensitive: boolean;
  /** False: only a restart with another configuration changes the setting. */
  readonly isDynamic: boolean;
}

export type ConfigTypeName =
  | 'boolean'
  | 'string'
  | 'int'
  | 'short'
  | 'long'
  | 'double'
  | 'list'
  | 'class'
  | 'password';

export interface FrontEndConfig {
  /**
   * The inter-broker listener, if clients have another one. Its connections count for `max.connections`, but
   * the broker accepts them above the limit, too, so that clients cannot keep followers out. Undefined:
   * clients and brokers share the only listener.
   */
  readonly exemptListenerName: string | undefined;
  readonly limits: FrontEndLimits;
  /** `auto.create.topics.enable`. */
  readonly autoCreateTopics: boolean;
  /** `max.request.partition.size.limit`: the most partitions in one DescribeTopicPartitions answer. */
  readonly describePartitionsMax: number;
  /** The settings with which the broker creates `__consumer_offsets`. */
  readonly offsetsTopic: OffsetsTopicConfig;
  /** Every property of this broker, in the order DescribeConfigs lists them. */
  readonly properties: readonly BrokerConfigEntry[];
}
