/**
 * The kinds of resources whose configs the metadata holds: which configs each kind has, and which values are
 * allowed. The same tables validate the configs of CreateTopics.
 */
import {
  type Configs,
  type MetadataImage,
  type RecordOf,
  topicConfigDefinition,
  validateTopicConfigs,
} from '@millrace/metadata';
import { ConfigResourceType, ErrorCode, validateTopicName } from '@millrace/protocol';
import { type ApiError, apiError } from './assignments.ts';
import type { ControllerConfig } from './config.ts';
import { inheritedConfigs } from './inherited-configs.ts';

export interface ConfigKind {
  readonly name: RecordOf<'config'>['resourceType'];
  /** The configs that are set on the resource. */
  current(image: MetadataImage, resourceName: string): Configs;
  /** The default of a config that is a list; undefined if it is not a list, or not known. */
  defaultList(key: string): string | undefined;
  /** Why the resource cannot have the configs `next`. */
  check(asked: CheckedConfigs): ApiError | undefined;
}

export interface CheckedConfigs {
  readonly image: MetadataImage;
  readonly config: ControllerConfig;
  readonly resourceName: string;
  readonly next: Configs;
}

const topics: ConfigKind = {
  name: 'topic',
  current: (image, topic) => image.topicConfig(topic),
  defaultList(key) {
    const definition = topicConfigDefinition(key);
    return definition?.type === 'list' ? definition.defaultValue : undefined;
  },
  check({ image, config, resourceName: topic, next }) {
    if (topic === '')
      return apiError(ErrorCode.INVALID_REQUEST, 'the name of the topic is empty; topics have no default');
    const illegal = validateTopicName(topic);
    if (illegal !== undefined) return apiError(ErrorCode.INVALID_TOPIC_EXCEPTION, illegal);
    const problem = validateTopicConfigs(next, inheritedConfigs(image, config));
    if (problem !== undefined) return apiError(ErrorCode.INVALID_CONFIG, problem);
    if (image.topic(topic) !== undefined) return undefined;
    return apiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic '${topic}'`);
  },
};

/** By the number of the resource type in requests. */
export const configKinds: ReadonlyMap<number, ConfigKind> = new Map([[ConfigResourceType.TOPIC, topics]]);
