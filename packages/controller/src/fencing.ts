/**
 * Fencing. The controller fences a broker in three cases: its session ended (`fenceEnded`); the broker asks
 * to be fenced; or its controlled shutdown is complete. A session ends when no heartbeat arrives for
 * `broker.session.timeout.ms`, or when the control stream closed and the grace is over (sessions.ts).
 * brokers.ts decides the other two cases, and the unfencing, at a heartbeat. A fenced broker loses its
 * leaderships, and leaves each ISR in which another replica can replace it. When a broker is unfenced, it may
 * lead its partitions that have no leader.
 */
import type { NodeId } from '@millrace/base';
import type { BrokerRegistration, MetadataImage, MetadataRecord } from '@millrace/metadata';
import { partitionEffects } from './broker-effects.ts';
import type { ControllerConfig } from './config.ts';
import type { EndedSession } from './sessions.ts';

/** Fences the dead brokers: those whose sessions ended. The active controller's `tick` calls it. */
export function fenceEnded(
  image: MetadataImage,
  config: ControllerConfig,
  ended: readonly EndedSession[],
): MetadataRecord[] {
  return fence(
    image,
    config,
    ended.map(({ brokerId }) => brokerId),
  );
}

/**
 * Fences brokers in one step, so that the controller elects none of them to replace another. The records of
 * the partitions come before the records of the brokers, as in every change that removes a broker. If the
 * last batches of the records are lost, the brokers whose records are in them are still unfenced. The next
 * controller then repeats the change for the remaining partitions.
 */
export function fence(
  image: MetadataImage,
  config: ControllerConfig,
  ids: readonly NodeId[],
): MetadataRecord[] {
  const brokers = ids.filter((id) => image.isAlive(id));
  const isActive = (id: NodeId) => !brokers.includes(id) && image.isActive(id);
  const records = partitionEffects(image, config, { brokers, isActive });
  for (const id of brokers)
    records.push({
      type: 'brokerChange',
      brokerId: id,
      brokerEpoch: image.broker(id)!.epoch,
      fenced: true,
    });
  return records;
}

/**
 * Unfences a broker. The broker's record comes first, because a fenced broker cannot lead. If the later
 * records are lost, the next controller elects the missing leaders (electLeaderless).
 */
export function unfence(
  image: MetadataImage,
  config: ControllerConfig,
  broker: BrokerRegistration,
): MetadataRecord[] {
  const isActive = (id: NodeId) => id === broker.id || image.isActive(id);
  return [
    { type: 'brokerChange', brokerId: broker.id, brokerEpoch: broker.epoch, fenced: false },
    ...partitionEffects(image, config, { brokers: [broker.id], isActive }),
  ];
}
