/**
 * Makes the configuration of one node from texts. First parses and checks every value. If all values are
 * valid, then checks them against each other. Each of the two steps reports all problems that it finds at
 * once.
 */
import { resolve } from 'node:path';
import { formatAddress, type ListenerAddress, type VoterAddress } from './addresses.ts';
import { ConfigError } from './config-error.ts';
import { type ConfigSources, type RawSettings, readSources } from './sources.ts';
import { isSettingName, type SettingName, type Settings, settingNames, settingsTable } from './table.ts';
import { INVALID } from './types.ts';

export interface NodeConfig {
  readonly settings: Settings;
  /** Texts of the settings that the user set, by property name; without defaults. */
  readonly explicit: ReadonlyMap<SettingName, string>;
  readonly nodeId: number;
  readonly isBroker: boolean;
  readonly isController: boolean;
  /** The address of the control service; controllers only. */
  readonly controllerListener: ListenerAddress | undefined;
  /** The addresses for Kafka clients; empty on a node that is not a broker. */
  readonly brokerListeners: readonly ListenerAddress[];
  /**
   * The advertised addresses in the settings, each with the name of a broker listener. broker-config.ts later
   * replaces a port of 0, and a host that stands for all interfaces.
   */
  readonly advertisedListeners: readonly ListenerAddress[];
  readonly interBrokerListenerName: string;
  readonly voters: readonly VoterAddress[];
  /** The absolute path of the data folder. */
  readonly logDirectory: string;
}

/** Reads and checks the settings of one node. Throws ConfigError. */
export function loadConfig(sources: ConfigSources): NodeConfig {
  return configFrom(readSources(sources));
}

export function configFrom(raw: RawSettings): NodeConfig {
  const problems: string[] = [];
  const explicit = new Map<SettingName, string>();
  for (const [key, { value, source }] of raw) {
    if (isSettingName(key)) explicit.set(key, value);
    else problems.push(unknownKey(key, value, source));
  }
  const values: Record<string, unknown> = {};
  for (const name of settingNames) {
    const definition = settingsTable[name];
    const text = explicit.get(name) ?? definition.default;
    if (text === undefined) {
      problems.push(`${name} must be set; give ${definition.type.allowed}`);
      continue;
    }
    const value = definition.type.parse(text);
    if (value === INVALID) {
      problems.push(
        `${name}='${text}' is not allowed; give ${definition.type.allowed} (${sourceOf(raw, name)})`,
      );
    } else values[name] = value;
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return assemble(values as unknown as Settings, explicit);
}

function sourceOf(raw: RawSettings, name: string): string {
  return `from ${raw.get(name)?.source ?? 'the default'}`;
}

function assemble(settings: Settings, explicit: ReadonlyMap<SettingName, string>): NodeConfig {
  const problems: string[] = [];
  const isBroker = settings['process.roles'].includes('broker');
  const isController = settings['process.roles'].includes('controller');
  const controllerName = settings['controller.listener.names'];
  const nodeId = settings['node.id'];
  const voters = settings['controller.quorum.voters'];
  const brokerListeners = settings.listeners.filter((listener) => listener.name !== controllerName);
  const controllerListener = settings.listeners.find((listener) => listener.name === controllerName);
  checkRoles(
    { isBroker, isController, controllerName, controllerListener, brokerListeners, nodeId, voters },
    problems,
  );
  checkPorts(settings.listeners, controllerName, problems);
  checkProtocols(settings, problems);
  const advertised = advertisedOf(settings, isBroker ? brokerListeners : [], problems);
  const interBroker =
    settings['inter.broker.listener.name'] ??
    (brokerListeners.find((listener) => listener.name === 'PLAINTEXT') ?? brokerListeners[0])?.name ??
    'PLAINTEXT';
  if (
    isBroker &&
    brokerListeners.length > 0 &&
    !advertised.some((listener) => listener.name === interBroker)
  ) {
    problems.push(
      `inter.broker.listener.name='${interBroker}' is not allowed; give one of the broker's advertised listeners: ${names(advertised)}`,
    );
  }
  if (settings['broker.heartbeat.interval.ms'] * 2 > settings['broker.session.timeout.ms']) {
    problems.push(
      `broker.heartbeat.interval.ms='${settings['broker.heartbeat.interval.ms']}' is not allowed; give at most half of broker.session.timeout.ms, which is ${settings['broker.session.timeout.ms']}`,
    );
  }
  checkGroupBounds(settings, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    settings,
    explicit,
    nodeId,
    isBroker,
    isController,
    controllerListener: isController ? controllerListener : undefined,
    brokerListeners: isBroker ? brokerListeners : [],
    advertisedListeners: advertised,
    interBrokerListenerName: interBroker,
    voters,
    logDirectory: resolve(settings['log.dirs']),
  };
}

/**
 * The bounds of some group settings are settings, too. Each entry has the name, value, lower and upper bound.
 */
function boundedGroupSettings(settings: Settings): readonly (readonly [string, number, number, number])[] {
  return [
    [
      'session.timeout.ms',
      settings['group.consumer.session.timeout.ms'],
      settings['group.consumer.min.session.timeout.ms'],
      settings['group.consumer.max.session.timeout.ms'],
    ],
    [
      'heartbeat.interval.ms',
      settings['group.consumer.heartbeat.interval.ms'],
      settings['group.consumer.min.heartbeat.interval.ms'],
      settings['group.consumer.max.heartbeat.interval.ms'],
    ],
    [
      'assignment.interval.ms',
      settings['group.consumer.assignment.interval.ms'],
      settings['group.consumer.min.assignment.interval.ms'],
      settings['group.consumer.max.assignment.interval.ms'],
    ],
  ];
}

function checkGroupBounds(settings: Settings, problems: string[]): void {
  for (const [name, value, min, max] of boundedGroupSettings(settings)) {
    if (value < min || value > max) {
      problems.push(
        `group.consumer.${name}='${value}' is not allowed; give ${min} to ${max}, or change group.consumer.min.${name} and group.consumer.max.${name}`,
      );
    }
  }
  if (settings['group.consumer.heartbeat.interval.ms'] >= settings['group.consumer.session.timeout.ms']) {
    problems.push(
      `group.consumer.heartbeat.interval.ms='${settings['group.consumer.heartbeat.interval.ms']}' is not allowed; give less than group.consumer.session.timeout.ms, which is ${settings['group.consumer.session.timeout.ms']}`,
    );
  }
  const [least, most] = [settings['group.min.session.timeout.ms'], settings['group.max.session.timeout.ms']];
  if (least > most) {
    problems.push(
      `group.min.session.timeout.ms='${least}' is not allowed; give at most group.max.session.timeout.ms, which is ${most}`,
    );
  }
}

interface RoleFacts {
  isBroker: boolean;
  isController: boolean;
  controllerName: string;
  controllerListener: ListenerAddress | undefined;
  brokerListeners: readonly ListenerAddress[];
  nodeId: number;
  voters: readonly VoterAddress[];
}

function checkRoles(facts: RoleFacts, problems: string[]): void {
  const { isBroker, isController, controllerName, nodeId, voters } = facts;
  const isVoter = voters.some((voter) => voter.id === nodeId);
  const voterIds = voters.map((voter) => voter.id).join(', ');
  if (isController && facts.controllerListener === undefined) {
    problems.push(
      `listeners has no listener named ${controllerName} (controller.listener.names), which a controller needs; add one, for example ${controllerName}://:9093`,
    );
  }
  if (!isController && facts.controllerListener !== undefined) {
    problems.push(
      `listeners has the controllers' listener ${controllerName} (controller.listener.names), but process.roles is broker only; remove it`,
    );
  }
  if (isBroker && facts.brokerListeners.length === 0) {
    problems.push(
      'listeners has no listener for clients, which a broker needs; add one, for example PLAINTEXT://:9092',
    );
  }
  if (!isBroker && facts.brokerListeners.length > 0) {
    problems.push(
      `listeners has ${names(facts.brokerListeners)}, but process.roles is controller only; give the listener ${controllerName} alone`,
    );
  }
  if (isController && !isVoter) {
    problems.push(
      `node.id='${nodeId}' is not in controller.quorum.voters, which must list every controller; give one of ${voterIds}`,
    );
  }
  if (!isController && isVoter) {
    problems.push(
      `node.id='${nodeId}' is not allowed for a broker: controller.quorum.voters gives it to a controller; give an id other than ${voterIds}`,
    );
  }
}

function checkPorts(listeners: readonly ListenerAddress[], controllerName: string, problems: string[]): void {
  const byPort = new Map<number, ListenerAddress>();
  for (const listener of listeners) {
    if (listener.port === 0) {
      if (listener.name === controllerName)
        problems.push(
          `listeners gives ${controllerName} port 0; give the port that controller.quorum.voters names`,
        );
      continue;
    }
    const other = byPort.get(listener.port);
    if (other !== undefined && (other.host === listener.host || other.host === '' || listener.host === '')) {
      problems.push(
        `listeners gives ${other.name} and ${listener.name} the same port ${listener.port}; give each its own`,
      );
    }
    byPort.set(listener.port, listener);
  }
}

const PROTOCOLS_TO_COME = ['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];

function checkProtocols(settings: Settings, problems: string[]): void {
  const map = settings['listener.security.protocol.map'];
  for (const [name, protocol] of map ?? []) {
    if (protocol === 'PLAINTEXT') continue;
    const reason = PROTOCOLS_TO_COME.includes(protocol)
      ? 'is not supported yet'
      : 'is not a security protocol';
    // Kafka's default map names all protocols. So an unsupported protocol is a problem only if a listener has
    // it.
    if (settings.listeners.some((listener) => listener.name === name) || reason !== 'is not supported yet') {
      problems.push(
        `listener.security.protocol.map gives ${name} the protocol ${protocol}, which ${reason}; give PLAINTEXT`,
      );
    }
  }
  for (const { name } of settings.listeners) {
    if (PROTOCOLS_TO_COME.includes(name) && !map?.has(name)) {
      problems.push(`listeners has ${name}, a security protocol that is not supported yet; give PLAINTEXT`);
    }
  }
}

function advertisedOf(
  settings: Settings,
  brokerListeners: readonly ListenerAddress[],
  problems: string[],
): readonly ListenerAddress[] {
  const advertised = settings['advertised.listeners'];
  if (advertised === undefined) return brokerListeners;
  for (const listener of advertised) {
    if (!brokerListeners.some((known) => known.name === listener.name)) {
      problems.push(
        `advertised.listeners has ${listener.name}, which is not among the broker's listeners; give some of ${names(brokerListeners)}`,
      );
    }
    if (listener.host === '0.0.0.0' || listener.host === '::') {
      problems.push(
        `advertised.listeners='${listener.name}://${formatAddress(listener)}' is not allowed: no client can connect to ${listener.host}; give a host name or address`,
      );
    }
  }
  return advertised;
}

function names(listeners: readonly ListenerAddress[]): string {
  return listeners.map((listener) => listener.name).join(', ');
}

function unknownKey(key: string, value: string, source: string): string {
  const near = nearest(key);
  const hint = near === undefined ? '' : `did you mean ${near}? `;
  return `${key}='${value}' is not a setting of Millrace (from ${source}); ${hint}docs/configuration.md lists every setting`;
}

/** The known name that is most similar to the unknown key, if one is similar enough. */
function nearest(key: string): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(4, Math.ceil(key.length / 3));
  for (const name of settingNames) {
    const distance = editDistance(key, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_unused, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
