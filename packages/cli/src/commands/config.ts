/**
 * `millrace config …`: shows and changes the configs of topics, brokers, loggers and groups, without a
 * restart.
 */
import {
  alterConfigsRequest,
  type ConfigChange,
  type ConfigResource,
  configEntriesIn,
  type DescribedConfigEntry,
  describeConfigsRequest,
} from '@millrace/client';
import type { KafkaClient } from '@millrace/client/io';
import { apis } from '@millrace/protocol';
import { textTable } from '../text-table.ts';
import { UserError } from '../user-error.ts';
import { refuse, withClient } from '../with-client.ts';
import type { Bootstrap } from '../with-cluster.ts';

/**
 * The timeout of a request that alters configs. The controller has 30 s for its decision. The command waits
 * longer, so that it learns the outcome.
 */
const ALTER_TIMEOUT_MS = 40_000;

export interface ConfigOptions extends Bootstrap {
  readonly topic?: string;
  readonly broker?: number;
  readonly allBrokers?: boolean;
  readonly brokerLoggers?: number;
  readonly group?: string;
}

export async function configGet(
  names: readonly string[],
  options: ConfigOptions & { readonly all?: boolean; readonly json?: boolean },
): Promise<void> {
  const resource = resourceOf(options);
  const entries = await withClientOf(resource, options, async (client) => {
    const answer = await client.call(apis.describeConfigs, describeConfigsRequest(resource, names));
    refuse(`${nameOf(resource)} cannot be described`, answer.results[0]);
    return configEntriesIn(answer, resource);
  });
  const unknown = names.filter((name) => !entries.some((entry) => entry.name === name));
  if (unknown.length > 0) throw new UserError(`${nameOf(resource)} has no config ${unknown.join(', ')}`);
  const shown = names.length > 0 || options.all ? entries : entries.filter(({ isSet }) => isSet);
  process.stdout.write(options.json ? `${JSON.stringify(shown)}\n` : tableOf(shown));
}

function tableOf(entries: readonly DescribedConfigEntry[]): string {
  const rows = entries.map(({ name, value, source, isReadOnly }) => [
    name,
    value ?? '-',
    isReadOnly ? `${source} (read-only)` : source,
  ]);
  return textTable(['CONFIG', 'VALUE', 'SOURCE'], rows);
}

export async function configSet(
  settings: Readonly<Record<string, string>>,
  options: ConfigOptions & { readonly dryRun?: boolean },
): Promise<void> {
  const changes = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await alter(resourceOf(options), changes, options);
}

export async function configUnset(
  names: readonly string[],
  options: ConfigOptions & { readonly dryRun?: boolean },
): Promise<void> {
  const resource = resourceOf(options);
  // The cluster accepts a request that unsets any name, even a misspelt one. So this command checks the names
  // itself.
  await withClientOf(resource, options, async (client) => {
    const answer = await client.call(apis.describeConfigs, describeConfigsRequest(resource));
    refuse(`${nameOf(resource)} cannot be described`, answer.results[0]);
    const set = configEntriesIn(answer, resource).filter(({ isSet }) => isSet);
    const unset = names.filter((name) => !set.some((entry) => entry.name === name));
    if (unset.length === 0) return;
    const known = set.length === 0 ? 'it sets none' : `it sets ${set.map(({ name }) => name).join(', ')}`;
    throw new UserError(`${nameOf(resource)} does not set ${unset.join(', ')}: ${known}`);
  });
  await alter(
    resource,
    names.map((name) => ({ name, value: undefined })),
    options,
  );
}

/** Changes the configs. With `dryRun`, only asks whether the cluster would accept the changes. */
export async function alter(
  resource: ConfigResource,
  changes: readonly ConfigChange[],
  options: Bootstrap & { readonly dryRun?: boolean },
): Promise<void> {
  const { dryRun = false } = options;
  await withClientOf(resource, options, async (client) => {
    const request = alterConfigsRequest(resource, changes, dryRun);
    const answer = await client.call(apis.incrementalAlterConfigs, request, { timeoutMs: ALTER_TIMEOUT_MS });
    refuse(`the configs of ${nameOf(resource)} were not changed`, answer.responses[0]);
  });
  const [change, unset] = dryRun ? ['Would change', 'Would unset'] : ['Changed', 'Unset'];
  for (const { name, value } of changes) {
    const config = `${name} of ${nameOf(resource)}`;
    process.stdout.write(
      value === undefined ? `${unset} ${config}.\n` : `${change} ${config} to ${value}.\n`,
    );
  }
}

function resourceOf({ topic, broker, allBrokers, brokerLoggers, group }: ConfigOptions): ConfigResource {
  const named: ConfigResource[] = [];
  if (topic !== undefined) named.push({ type: 'topic', name: topic });
  if (broker !== undefined) named.push({ type: 'broker', name: String(broker) });
  if (allBrokers) named.push({ type: 'broker', name: '' });
  if (brokerLoggers !== undefined) named.push({ type: 'brokerLogger', name: String(brokerLoggers) });
  if (group !== undefined) named.push({ type: 'group', name: group });
  const [resource] = named;
  if (resource !== undefined && named.length === 1) return resource;
  const given = resource === undefined ? 'none is given' : `${named.length} are given`;
  throw new UserError(`use one of --topic, --broker, --all-brokers, --broker-loggers and --group: ${given}`);
}

function nameOf({ type, name }: ConfigResource): string {
  if (type === 'brokerLogger') return `the loggers of broker ${name}`;
  return type === 'broker' ? (name === '' ? 'all brokers' : `broker ${name}`) : `${type} '${name}'`;
}

/**
 * A broker describes and alters only its own configs and loggers, so the client must be connected to that
 * broker.
 */
function withClientOf<T>(
  resource: ConfigResource,
  options: Bootstrap,
  work: (client: KafkaClient) => Promise<T>,
): Promise<T> {
  return withClient(options, async (first) => {
    const isOfOne = resource.type === 'broker' || resource.type === 'brokerLogger';
    if (!isOfOne || resource.name === '') return work(first);
    const { brokers } = await first.call(apis.metadata, { topics: [] });
    const broker = brokers.find(({ nodeId }) => String(nodeId) === resource.name);
    if (broker === undefined) {
      const ids = brokers.map(({ nodeId }) => nodeId).sort((a, b) => a - b);
      throw new UserError(`there is no broker ${resource.name}: the cluster has ${ids.join(', ')}`);
    }
    return withClient({ bootstrapServer: `${broker.host}:${broker.port}` }, work);
  });
}
