/**
 * The subscribers of new metadata, in the order in which they act on it. No other file decides this order.
 * Every subscriber sees every change once, within the turn in which the image moved.
 */
import type { NodeId } from '@millrace/base';
import type { BrokerLifecycle } from '@millrace/broker';
import type { GroupCoordinator } from '@millrace/coordinator';
import type { MetadataDelta, MetadataImage } from '@millrace/metadata';
import type { ReplicaManager } from '@millrace/replication';

export interface MetadataSubscriber {
  readonly name: string;
  /** Takes new metadata. From now on, `delta.image` is the broker's image. */
  publish(delta: MetadataDelta): void;
}

export interface SubscribedParts {
  readonly brokerId: NodeId;
  readonly replicas: Pick<ReplicaManager, 'publish'>;
  readonly groups: Pick<GroupCoordinator, 'publish'>;
  /** The broker's lifecycle. Undefined until the broker's ports are known. */
  lifecycle(): Pick<BrokerLifecycle, 'progressed' | 'brokerEpoch'> | undefined;
  /** Opens the front end. May be called again. */
  serve(): void;
  readonly host: { imageChanged(image: MetadataImage): void };
}

/**
 * The order of the subscribers, and its reasons:
 *
 * 1. `replicas` open logs, lead and follow as the image says. All later subscribers may rely on the roles.
 * 2. `groups` see deleted and grown topics. Their shards follow the roles of the replicas.
 * 3. `lifecycle` tells the controller at once that this broker has applied the metadata. The controller may
 *    then unfence the broker, so its replicas must already have their roles.
 * 4. `front-end` opens when the image shows this broker unfenced. Clients and other brokers see that at the
 *    same time, perhaps before the controller's answer arrives here. So a request may come at once, and needs
 *    the roles.
 * 5. `host` sees a broker that has applied everything. For example, a checker compares image and replicas.
 */
export function metadataSubscribers(parts: SubscribedParts): readonly MetadataSubscriber[] {
  const { brokerId, replicas, groups, host } = parts;
  return [
    { name: 'replicas', publish: (delta) => replicas.publish(delta) },
    { name: 'groups', publish: (delta) => groups.publish(delta) },
    { name: 'lifecycle', publish: () => parts.lifecycle()?.progressed() },
    {
      name: 'front-end',
      publish({ image }) {
        const own = image.broker(brokerId);
        if (own?.fenced === false && own.epoch === parts.lifecycle()?.brokerEpoch) parts.serve();
      },
    },
    { name: 'host', publish: ({ image }) => host.imageChanged(image) },
  ];
}
