/**
 * Reads a scenario from YAML. The published JSON schema (`assets/schema/scenario.schema.json`) says what a
 * file may contain, and has the defaults. Reports every mistake at once, each with its line.
 */
import { Ajv, type ErrorObject } from 'ajv';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { readAsset } from '../assets.ts';
import type { ClientPlan, Scenario } from './types.ts';

/** Thrown for a file that is no scenario. Each line of the message is one mistake: `FILE:LINE: sentence`. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

/** The mistakes of a file, by place: a path of keys and indexes. */
type Report = (path: readonly (string | number)[], sentence: string) => void;

/** A client as the file has it: defaults that depend on other fields are not filled in yet. */
interface FileClient extends Omit<ClientPlan, 'acks' | 'idempotent'> {
  readonly acks: 0 | 1 | 'all';
  readonly idempotent?: boolean;
}

interface FileScenario extends Omit<Scenario, 'clients'> {
  readonly clients: readonly FileClient[];
}

const SCHEMA = 'schema/scenario.schema.json';
const DAY_MS = 86_400_000;

/** `file`: its name, for messages. Throws a ScenarioError. */
export function parseScenario(text: string, file: string): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const mistakes: { readonly line: number; readonly sentence: string }[] = [];
  for (const { message, pos } of document.errors)
    mistakes.push({
      line: lines.linePos(pos[0]).line,
      sentence: message.split('\n')[0]!.replace(/ at line .*/, ''),
    });
  const report: Report = (path, sentence) =>
    void mistakes.push({ line: lineOf(document, path, lines), sentence });
  const value = mistakes.length === 0 ? document.toJS() : undefined;
  if (mistakes.length === 0 && isScenario(value, report)) checkMeaning(value, report);
  if (mistakes.length > 0) {
    const sorted = mistakes.sort((a, b) => a.line - b.line);
    throw new ScenarioError(sorted.map(({ line, sentence }) => `${file}:${line}: ${sentence}`).join('\n'));
  }
  return completed(value as FileScenario);
}

/** Fills in the defaults of the schema. */
function isScenario(value: unknown, report: Report): value is FileScenario {
  const ajv = new Ajv({ allErrors: true, verbose: true, useDefaults: true, allowUnionTypes: true });
  const validate = ajv.compile(JSON.parse(readAsset(SCHEMA)));
  if (validate(value)) return true;
  for (const error of validate.errors ?? []) {
    const path = error.instancePath.split('/').slice(1).map(keyOf);
    const [place, sentence] = sentenceOf(error);
    report(place === undefined ? path : [...path, place], sentence);
  }
  return false;
}

/** A part of a JSON pointer: the index of a list, or the name of a field. */
function keyOf(part: string): string | number {
  return /^\d+$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** Says what is wrong and what is allowed. The first element: the field of the object that is wrong. */
function sentenceOf({
  keyword,
  params,
  message,
  instancePath,
  data,
}: ErrorObject): [string | undefined, string] {
  const field = instancePath.slice(instancePath.lastIndexOf('/') + 1);
  if (keyword === 'additionalProperties')
    return [params['additionalProperty'], `unknown field '${params['additionalProperty']}'`];
  if (keyword === 'required') return [undefined, `the field '${params['missingProperty']}' is missing`];
  if (keyword === 'enum')
    return [undefined, `${field} is ${JSON.stringify(data)}; allowed: ${params['allowedValues'].join(', ')}`];
  return [undefined, `${field === '' ? 'the file' : field} ${message}`];
}

const KEEPS_ALL = 'the checkers would take records that the settings remove for lost';
/** Settings of topics with which a cluster may lose records legally. */
const FORBIDDEN: Readonly<Record<string, { allows(value: string): boolean; readonly because: string }>> = {
  'unclean.leader.election.enable': {
    allows: (value) => value === 'false',
    because: 'an unclean election may lose acknowledged records',
  },
  'cleanup.policy': { allows: (value) => value === 'delete', because: KEEPS_ALL },
  'retention.ms': { allows: (value) => Number(value) < 0 || Number(value) >= DAY_MS, because: KEEPS_ALL },
  'retention.bytes': { allows: (value) => Number(value) < 0, because: KEEPS_ALL },
};

/** Checks what a schema cannot say. */
function checkMeaning({ topics, clients, faults, pauseMs }: FileScenario, report: Report): void {
  const names = new Set(topics.map(({ name }) => name));
  if (names.size < topics.length) report(['topics'], 'two topics have the same name');
  clients.forEach(({ topic, acks, idempotent }, index) => {
    const path = ['clients', index];
    if (!names.has(topic))
      report([...path, 'topic'], `there is no topic '${topic}'; the topics are ${[...names].join(', ')}`);
    if (idempotent === true && acks !== 'all')
      report([...path, 'idempotent'], `an idempotent writer needs acks: all, not ${acks}`);
  });
  // What acks=1 allows on a topic would also excuse a loss by a writer with acks=all.
  for (const name of names) {
    const acks = new Set(
      clients.flatMap((one) => (one.role === 'writer' && one.topic === name ? [one.acks] : [])),
    );
    if (acks.size > 1)
      report(
        ['clients'],
        `the writers of topic '${name}' have different acks; give each acks a topic of its own`,
      );
  }
  const checkRange = ([min, max]: readonly number[], path: readonly (string | number)[]) => {
    if (min! > max!) report(path, `${path.at(-1)} [${min}, ${max}]: the first number may not be larger`);
  };
  checkRange(pauseMs, ['pauseMs']);
  topics.forEach(({ config }, index) => {
    for (const [key, rule] of Object.entries(FORBIDDEN)) {
      const value = config[key];
      if (value !== undefined && !rule.allows(String(value)))
        report(['topics', index, 'config', key], `${key}=${value} is not allowed: ${rule.because}`);
    }
  });
  const hasGroup = clients.some(({ role }) => role === 'group-member');
  faults.forEach(({ lastsMs, victim }, index) => {
    checkRange(lastsMs, ['faults', index, 'lastsMs']);
    if (victim === 'coordinator' && !hasGroup)
      report(['faults', index, 'victim'], 'the victim coordinator needs a client with role: group-member');
  });
}

function completed(scenario: FileScenario): Scenario {
  const topics = scenario.topics.map((topic) => ({
    ...topic,
    config: Object.fromEntries(Object.entries(topic.config).map(([key, value]) => [key, String(value)])),
  }));
  const clients = scenario.clients.map(
    ({ acks, idempotent, ...client }): ClientPlan => ({
      ...client,
      acks: acks === 'all' ? -1 : acks,
      idempotent: idempotent ?? acks === 'all',
    }),
  );
  return { ...scenario, topics, clients };
}

/** The line of the deepest part of the path that the file has. */
function lineOf(document: Document, path: readonly (string | number)[], lines: LineCounter): number {
  for (let length = path.length; length > 0; length--) {
    const found = document.getIn(path.slice(0, length), true);
    if (isNode(found) && found.range) return lines.linePos(found.range[0]).line;
  }
  return 1;
}
