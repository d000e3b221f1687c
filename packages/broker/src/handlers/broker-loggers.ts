/**
 * The configs of a broker's loggers (resource type BROKER_LOGGER, KIP-412). A config has the name of a
 * logger, and its value is the level of this logger. This broker itself describes and alters these configs. A
 * change acts at once, and only here. The controller does not learn of it, and this broker forgets it when it
 * stops.
 */
import { LOG_LEVELS, type LoggerName, type LogLevel, loggerNames, ROOT_LOGGER } from '@millrace/base';
import { ConfigOperation, ConfigSource, ErrorCode } from '@millrace/protocol';
import type { BrokerContext } from '../handler.ts';
import { type ResourceError, resourceError } from './resource-error.ts';

/** The levels that a client may set, in the order in which Kafka's error message lists them. */
const SETTABLE: readonly LogLevel[] = LOG_LEVELS.filter((level) => level !== 'OFF').sort();

export interface LoggerChange {
  readonly name: string;
  readonly configOperation: number;
  readonly value: string | null;
}

/** A checked change. `level` undefined: the logger gets the level of `root`. */
type Change =
  | { readonly name: LoggerName; readonly level: LogLevel }
  | { readonly name: Exclude<LoggerName, typeof ROOT_LOGGER>; readonly level: undefined };

/** The levels of all loggers of this broker. */
export function describeLoggers({ brokerId, logLevels }: BrokerContext, resourceName: string) {
  if (resourceName === '') return invalid('Broker id must not be empty');
  const id = brokerIdOf(resourceName);
  if (id === undefined) return invalid(`Broker id must be an integer, but it is: ${resourceName}`);
  if (id !== brokerId)
    return invalid(`Unexpected broker id, expected ${brokerId} but received ${resourceName}`);
  return loggerNames.map((name) => ({
    name,
    value: logLevels.of(name),
    readOnly: false,
    configSource: ConfigSource.DYNAMIC_BROKER_LOGGER,
    isSensitive: false,
    // As in Kafka, a level has no synonyms, no type and no documentation, whatever the client asks for.
    synonyms: [],
    configType: 0,
    documentation: '',
  }));
}

/** Changes the levels: all of them, or none if one is refused. Returns the reason of a refusal. */
export function alterLoggers(
  broker: BrokerContext,
  resource: { readonly resourceName: string; readonly configs: readonly LoggerChange[] },
  o: { readonly validateOnly: boolean; readonly clientId: string | null },
): ResourceError | undefined {
  const { brokerId, logLevels, logger } = broker;
  const { resourceName, configs } = resource;
  if (new Set(configs.map(({ name }) => name)).size < configs.length)
    return invalid('Error due to duplicate config keys');
  const empty = configs.filter((one) => one.configOperation !== ConfigOperation.DELETE && one.value === null);
  if (empty.length > 0)
    return invalid(`Null value not supported for : ${empty.map(({ name }) => name).join(', ')}`);
  const id = brokerIdOf(resourceName);
  if (id === undefined) return invalid(`Node id must be an integer, but it is: ${resourceName}`);
  if (id !== brokerId) return invalid(`Unexpected node id. Expected ${brokerId}, but received ${id}`);
  const changes: Change[] = [];
  for (const config of configs) {
    const change = checked(config);
    if ('errorCode' in change) return change;
    changes.push(change);
  }
  if (o.validateOnly) return undefined;
  for (const { name, level } of changes) {
    // Write the event first, because the new level may forbid it.
    const to = level ?? logLevels.of(ROOT_LOGGER);
    const facts = { logger: name, from: logLevels.of(name), to, clientId: o.clientId };
    logger.warn('log-level-altered', facts);
    if (level === undefined) logLevels.unset(name);
    else logLevels.set(name, level);
  }
  return undefined;
}

function checked({ name, configOperation, value }: LoggerChange): Change | ResourceError {
  const { SET, DELETE, APPEND, SUBTRACT } = ConfigOperation;
  if (configOperation === APPEND || configOperation === SUBTRACT) {
    const operation = configOperation === APPEND ? 'APPEND' : 'SUBTRACT';
    return invalid(`${operation} operation is not allowed for the BROKER_LOGGER resource`);
  }
  if (configOperation !== SET && configOperation !== DELETE)
    return invalid(`Unknown operation type ${configOperation} is not allowed for the BROKER_LOGGER resource`);
  const known = loggerNames.find((one) => one === name);
  if (known === undefined) {
    const loggers = `this broker has ${loggerNames.join(', ')}`;
    return resourceError(ErrorCode.INVALID_CONFIG, `Logger ${name} does not exist: ${loggers}`);
  }
  if (configOperation === DELETE)
    return known === ROOT_LOGGER
      ? invalid(`Removing the log level of the ${ROOT_LOGGER} logger is not allowed`)
      : { name: known, level: undefined };
  const level = SETTABLE.find((one) => one === value);
  if (level !== undefined) return { name: known, level };
  return resourceError(
    ErrorCode.INVALID_CONFIG,
    `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${SETTABLE.join(', ')}`,
  );
}

/** Returns undefined if the name is no id. Like Kafka, accepts a sign and leading zeros. */
export function brokerIdOf(resourceName: string): number | undefined {
  if (!/^[+-]?\d+$/.test(resourceName)) return undefined;
  const id = Number(resourceName);
  return Math.abs(id) <= 0x7fff_ffff ? id : undefined;
}

function invalid(message: string): ResourceError {
  return resourceError(ErrorCode.INVALID_REQUEST, message);
}
