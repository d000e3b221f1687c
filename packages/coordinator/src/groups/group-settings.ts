/**
 * The settings of one consumer group. If the group has a config of its own for a setting, that config counts;
 * otherwise the broker's setting counts. Both may change while the group runs.
 */
import { dynamicBrokerValue, type MetadataImage, numberOf } from '@millrace/metadata';
import type { GroupsConfig } from '../config.ts';
import type { ConsumerGroupSettings } from '../consumer/ports.ts';

export function consumerGroupSettings(
  image: MetadataImage,
  { brokerId, consumer }: GroupsConfig,
  groupId: string,
): ConsumerGroupSettings {
  const own = image.groupConfig(groupId);
  const interval = dynamicBrokerValue(image, brokerId, 'group.consumer.assignment.interval.ms');
  // Most groups set nothing. They share one object, because each heartbeat asks for the settings.
  if (own.size === 0 && interval === undefined) return consumer;
  const numberOr = (set: string | undefined, fallback: number) =>
    set === undefined ? fallback : numberOf(set);
  return {
    ...consumer,
    sessionTimeoutMs: numberOr(own.get('consumer.session.timeout.ms'), consumer.sessionTimeoutMs),
    heartbeatIntervalMs: numberOr(own.get('consumer.heartbeat.interval.ms'), consumer.heartbeatIntervalMs),
    assignmentIntervalMs: numberOr(
      own.get('consumer.assignment.interval.ms') ?? interval,
      consumer.assignmentIntervalMs,
    ),
  };
}
