/**
 * Kafka's limits for a change of `log.cleaner.threads`: at least 1, at least half of the present value, and
 * at most its double. The brokers' own configurations are not in the metadata. So if no dynamic value is set,
 * the check takes the value of the controller's own configuration as the present value.
 */
import { type Configs, dynamicValue, type MetadataImage } from '@millrace/metadata';
import type { ControllerConfig } from './config.ts';

const NAME = 'log.cleaner.threads';
const KAFKA_DEFAULT = '1';

/** Returns why the broker cannot have the configs `next`; undefined: it can. `broker`: '' for all brokers. */
export function cleanerThreadsProblem(
  image: MetadataImage,
  { serverProperties }: Pick<ControllerConfig, 'serverProperties'>,
  broker: string,
  next: Configs,
): string | undefined {
  const layers = { dynamicBroker: image.brokerConfig(broker), dynamicDefault: image.brokerConfig('') };
  const present = Number(dynamicValue(layers, NAME) ?? serverProperties.get(NAME) ?? KAFKA_DEFAULT);
  const wanted = Number(next.get(NAME) ?? present);
  if (wanted === present) return undefined;
  if (wanted < 1) return `invalid value '${wanted}' for config ${NAME}: must be at least 1`;
  const [min, max] = [Math.floor(present / 2), present * 2];
  if (wanted >= min && wanted <= max) return undefined;
  return `invalid value '${wanted}' for config ${NAME}: must be from ${min} to ${max}, because it is ${present} now`;
}
