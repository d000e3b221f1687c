/**
 * The files of a local cluster:
 *
 *   DIR/cluster.json            number of nodes, fixed by the first start, and the settings given with
 *                               --set; rewritten at every start
 *   DIR/node-N/node.properties  the node's settings, rewritten at every start
 *   DIR/node-N/data/            the node's log.dirs; must not be lost
 *   DIR/node-N/node.log         the node's log
 *   DIR/node-N/pid              exists while the node runs
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../user-error.ts';

/** The version of the folder's layout. Raise it when the layout changes so that older code cannot use it. */
const FORMAT = 1;
/** The port of the first controller is this much higher than the port of the first broker. */
const CONTROLLER_PORT_DISTANCE = 1000;
const PORT_MAX = 65_535;

export type Role = 'controller' | 'broker';

export interface LocalNode {
  id: number;
  role: Role;
  port: number;
  /** The port at which clients and other nodes reach the node: its own, or that of a proxy in front of it. */
  reachedAt: number;
  directory: string;
}

export interface Layout {
  directory: string;
  controllers: number;
  brokers: number;
  port: number;
  /** Settings for every node; they override those that `settingsOf` derives from the other fields. */
  settings: Settings;
  /** The port of each node's proxy is this much higher than its own port. Undefined: there are no proxies. */
  proxyDistance?: number;
}

export type Settings = Readonly<Record<string, string>>;

export interface LayoutOptions {
  dir: string;
  controllers?: number;
  brokers?: number;
  port?: number;
}

/** Controllers have the ids 1, 2, …; brokers have the ids after them. */
export function nodesOf(layout: Layout): LocalNode[] {
  const nodes: LocalNode[] = [];
  for (let i = 0; i < layout.controllers + layout.brokers; i++) {
    const isController = i < layout.controllers;
    const port = isController
      ? layout.port + CONTROLLER_PORT_DISTANCE + i
      : layout.port + i - layout.controllers;
    const id = i + 1;
    nodes.push({
      id,
      role: isController ? 'controller' : 'broker',
      port,
      reachedAt: port + (layout.proxyDistance ?? 0),
      directory: join(layout.directory, `node-${id}`),
    });
  }
  return nodes;
}

export function bootstrapServers(layout: Layout): string {
  return nodesOf(layout)
    .filter((node) => node.role === 'broker')
    .map((node) => `localhost:${node.reachedAt}`)
    .join(',');
}

/**
 * Reads the layout of the cluster in the folder. Throws a UserError if the folder has no cluster that this
 * code can read.
 */
export function readLayout(dir: string): Layout {
  const directory = resolve(dir);
  const layout = tryReadLayout(directory);
  if (layout === undefined)
    throw new UserError(
      `there is no cluster in ${directory}; \`millrace cluster start --dir ${dir}\` creates one`,
    );
  return layout;
}

/**
 * Returns the layout of the cluster in the folder. If the folder is new or empty, makes a layout from the
 * options. Writes nothing. Throws a UserError if the options contradict the folder.
 */
export function readOrMakeLayout(options: LayoutOptions): Layout {
  const directory = resolve(options.dir);
  const known = tryReadLayout(directory);
  if (known !== undefined) {
    for (const name of ['controllers', 'brokers', 'port'] as const) {
      if (options[name] !== undefined && options[name] !== known[name]) {
        throw new UserError(
          `the cluster in ${directory} has --${name} ${known[name]}, not ${options[name]}; leave the option out, or use another --dir for another cluster`,
        );
      }
    }
    return known;
  }
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new UserError(
      `${directory} contains files that are not a Millrace cluster; give an empty or a new folder with --dir`,
    );
  }
  const layout = {
    directory,
    controllers: options.controllers ?? 3,
    brokers: options.brokers ?? 3,
    port: options.port ?? 9092,
    settings: {},
  };
  refusePortsThatDoNotExist(layout);
  return layout;
}

function refusePortsThatDoNotExist(layout: Layout): void {
  const { controllers, brokers, port } = layout;
  const over = Math.max(...nodesOf(layout).map((node) => node.port)) - PORT_MAX;
  if (over <= 0) return;
  throw new UserError(
    `--port ${port} is not allowed with ${controllers} controllers and ${brokers} brokers; give a whole number from 1 to ${port - over}: brokers use that port and the next ones, controllers those from ${CONTROLLER_PORT_DISTANCE} above it`,
  );
}

/** Returns the layout with these settings added. An empty value removes a setting of an earlier start. */
export function withSettings(layout: Layout, set: Settings): Layout {
  const takenBack = (key: string) => set[key] === '' && Object.hasOwn(layout.settings, key);
  const all = Object.entries({ ...layout.settings, ...set });
  return { ...layout, settings: Object.fromEntries(all.filter(([key]) => !takenBack(key))) };
}

/** Writes cluster.json, and the folder and the settings of every node, for later starts. */
export function writeLayout(layout: Layout): void {
  mkdirSync(layout.directory, { recursive: true });
  const { directory: _directory, ...facts } = layout;
  writeFileSync(clusterFile(layout.directory), `${JSON.stringify({ format: FORMAT, ...facts }, null, 2)}\n`);
  writeNodeSettings(layout);
}

/** Writes the settings that each node reads at its next start. Does not change cluster.json. */
export function writeNodeSettings(layout: Layout): void {
  for (const node of nodesOf(layout)) {
    mkdirSync(join(node.directory, 'data'), { recursive: true });
    const lines = Object.entries(settingsOf(layout, node)).map(
      ([key, value]) => `${key}=${escaped(value)}\n`,
    );
    writeFileSync(join(node.directory, 'node.properties'), lines.join(''));
  }
}

/** Escapes a value for java.util.Properties. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}

export function settingsOf(layout: Layout, node: LocalNode): Settings {
  const nodes = nodesOf(layout);
  const voters = nodes.filter((other) => other.role === 'controller');
  const factor = Math.min(3, layout.brokers);
  const listener = node.role === 'controller' ? 'CONTROLLER' : 'PLAINTEXT';
  return {
    'process.roles': node.role,
    'node.id': String(node.id),
    'controller.quorum.voters': voters.map((voter) => `${voter.id}@127.0.0.1:${voter.reachedAt}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: `${listener}://127.0.0.1:${node.port}`,
    ...(node.role === 'broker' ? { 'advertised.listeners': `PLAINTEXT://localhost:${node.reachedAt}` } : {}),
    'log.dirs': join(node.directory, 'data'),
    'default.replication.factor': String(factor),
    'min.insync.replicas': String(Math.max(1, factor - 1)),
    'offsets.topic.replication.factor': String(factor),
    ...layout.settings,
  };
}

export function clusterFile(directory: string): string {
  return join(directory, 'cluster.json');
}

function tryReadLayout(directory: string): Layout | undefined {
  const file = clusterFile(directory);
  if (!existsSync(file)) return undefined;
  let facts: { readonly format?: unknown } | null = null;
  try {
    facts = JSON.parse(readFileSync(file, 'utf8'));
  } catch {}
  if (typeof facts?.format !== 'number')
    throw new UserError(
      `${file} is not the description of a cluster; restore it, or remove ${directory} to create a new cluster without its data`,
    );
  if (facts.format > FORMAT) {
    throw new UserError(
      `${directory} was written by a newer Millrace (format ${facts.format}; this version knows ${FORMAT}); use the newer version`,
    );
  }
  const { controllers, brokers, port, settings } = facts as unknown as Layout;
  return { directory, controllers, brokers, port, settings };
}
