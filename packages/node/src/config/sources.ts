/**
 * Reads the sources of settings: a .properties or YAML file, environment variables in the form of Kafka's
 * official image, and key=value pairs of the command line. Each source gives plain texts by property name;
 * later sources override earlier ones.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ConfigError } from './config-error.ts';
import { parseProperties } from './properties.ts';

/** A text and its source, for messages. */
export interface RawSetting {
  readonly value: string;
  readonly source: string;
}

export type RawSettings = Map<string, RawSetting>;

export interface ConfigSources {
  readonly file?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly overrides?: Readonly<Record<string, string>>;
}

export function readSources(sources: ConfigSources): RawSettings {
  const raw: RawSettings = new Map();
  if (sources.file !== undefined) {
    for (const [key, value] of readSettingsFile(sources.file)) raw.set(key, { value, source: sources.file });
  }
  for (const [variable, value] of Object.entries(sources.env ?? {})) {
    const key = settingOfVariable(variable);
    if (key !== undefined && value !== undefined)
      raw.set(key, { value: value.trim(), source: `environment ${variable}` });
  }
  for (const [key, value] of Object.entries(sources.overrides ?? {})) {
    raw.set(key, { value: value.trim(), source: `--set ${key}` });
  }
  return raw;
}

/**
 * Variables that start with KAFKA_ but are not settings: variables of Kafka's image itself, and service
 * variables that Kubernetes and Docker set.
 */
const NO_SETTING =
  /^KAFKA_(HOME|DIR|VERSION|URL|MODE|DEBUG|\w*_OPTS|LOG4J_\w+|TOOLS_LOG4J_LOGLEVEL|JMX_\w+|PORT|PORT_\w+|SERVICE_\w+|NAME|ENV_\w+)$/;

/**
 * The property name of a variable: KAFKA_LOG_DIRS gives log.dirs. `_` stands for a dot, `__` for an
 * underscore, `___` for a dash.
 */
export function settingOfVariable(variable: string): string | undefined {
  if (!variable.startsWith('KAFKA_') || NO_SETTING.test(variable)) return undefined;
  return variable
    .slice('KAFKA_'.length)
    .toLowerCase()
    .replace(/_{1,3}/g, (run) => (run.length === 3 ? '-' : run.length === 2 ? '_' : '.'));
}

function readSettingsFile(file: string): Map<string, string> {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([
      `the settings file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}); give the path of a .properties or YAML file`,
    ]);
  }
  return /\.ya?ml$/i.test(file) ? parseYamlSettings(content, file) : parseProperties(content);
}

/**
 * Joins the keys of nested maps by dots, and the elements of lists by commas. Scalars stay as they are
 * written, without surrounding spaces.
 */
function parseYamlSettings(content: string, file: string): Map<string, string> {
  // Load the YAML parser only for a YAML file, so that other nodes start quickly.
  const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  let document: unknown;
  try {
    document = yaml.parse(content, { schema: 'failsafe' });
  } catch (error) {
    throw new ConfigError([
      `the settings file ${file} is not YAML: ${(error as Error).message.split('\n')[0]}`,
    ]);
  }
  const values = new Map<string, string>();
  if (document === null || document === undefined || document === '') return values;
  if (typeof document !== 'object' || Array.isArray(document)) {
    throw new ConfigError([`the settings file ${file} must contain settings of the form \`key: value\``]);
  }
  flatten(document as Record<string, unknown>, '', values);
  return values;
}

function flatten(node: Record<string, unknown>, prefix: string, into: Map<string, string>): void {
  for (const [key, value] of Object.entries(node)) {
    const name = prefix + key;
    if (Array.isArray(value)) into.set(name, value.map((item) => String(item).trim()).join(','));
    else if (typeof value === 'object' && value !== null)
      flatten(value as Record<string, unknown>, `${name}.`, into);
    else into.set(name, value === null || value === undefined ? '' : String(value).trim());
  }
}
