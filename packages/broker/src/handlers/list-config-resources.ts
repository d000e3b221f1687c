/**
 * ListConfigResources (74): lists topics, brokers, their loggers, and the groups that set configs. Lists no
 * client metrics, because Millrace has none. Reads the committed metadata.
 */
import type { MetadataImage } from '@millrace/metadata';
import { apis, ConfigResourceType, ErrorCode } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';

const { TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP } = ConfigResourceType;

const brokerIds = (image: MetadataImage) =>
  image
    .sortedBrokers()
    .filter(({ fenced }) => !fenced)
    .map(({ id }) => String(id));

/** The names of the resources of each type, in the order in which an answer lists the types. */
const namesOf: ReadonlyMap<number, (image: MetadataImage) => readonly string[]> = new Map([
  [GROUP, (image: MetadataImage) => image.configuredGroups],
  [CLIENT_METRICS, () => []],
  [BROKER_LOGGER, brokerIds],
  [BROKER, brokerIds],
  [TOPIC, (image: MetadataImage) => image.topicNames],
]);

export const listConfigResources = defineHandler(
  apis.listConfigResources,
  (broker, { version, body }, reply) => {
    const asked = version === 0 ? [CLIENT_METRICS] : body.resourceTypes;
    if (asked.some((type) => !namesOf.has(type))) {
      reply.send({ errorCode: ErrorCode.UNSUPPORTED_VERSION });
      return;
    }
    const image = broker.image();
    const types = [...namesOf.keys()].filter((type) => asked.length === 0 || asked.includes(type));
    const configResources = types.flatMap((resourceType) =>
      namesOf.get(resourceType)!(image).map((resourceName) => ({ resourceName, resourceType })),
    );
    reply.send({ configResources });
  },
);
