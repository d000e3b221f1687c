/**
 * Goal: our tables agree with Kafka's own schemas. Method: the test turns the message definitions of
 * kafka-clients and kafka-group-coordinator 4.3.1 into the same plain facts as our tables, and compares the
 * two lists whole. The test names every intended difference, and each named difference must exist. The test
 * needs Kafka's jars in the folder `libs` of KAFKA_HOME, and is skipped without them. The end-to-end tests
 * fetch the jars by Maven and run this test.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allApis, type Fields, MILLRACE_TAG } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { embeddedMessages } from '../support/embedded.ts';
import { unzip } from '../support/zip.ts';

const LIBS = join(process.env['KAFKA_HOME'] ?? '/opt/kafka', 'libs');
const CLIENTS = join(LIBS, 'kafka-clients-4.3.1.jar');
const COORDINATOR = join(LIBS, 'kafka-group-coordinator-4.3.1.jar');

interface KafkaField {
  name: string;
  type: string;
  versions: string;
  nullableVersions?: string;
  taggedVersions?: string;
  flexibleVersions?: string;
  tag?: number;
  /** The text 'null' makes null the default. A null in the schema means the same as no default. */
  default?: string | number | boolean | null;
  fields?: KafkaField[];
}
interface KafkaMessage {
  apiKey: number;
  name: string;
  type: string;
  validVersions: string;
  flexibleVersions: string;
  latestVersionUnstable?: boolean;
  fields: KafkaField[];
  commonStructs?: KafkaField[];
}

/** Versions that our tables leave out because Kafka marks them as unstable. */
const LEFT_OUT_VERSIONS = new Map([['InitProducerId', '6']]);
/** Fields that only those versions have. */
const LEFT_OUT_FIELDS = new Set([
  'InitProducerIdRequest.enable2Pc',
  'InitProducerIdRequest.keepPreparedTxn',
  'InitProducerIdResponse.ongoingTxnProducerId',
  'InitProducerIdResponse.ongoingTxnProducerEpoch',
]);
/** Facts about a field that do not show on the wire. A fact that is not here or in COMPARED is an error. */
const OFF_WIRE = new Set(['about', 'ignorable', 'entityType', 'mapKey', 'zeroCopy']);
const COMPARED = new Set([
  'name',
  'type',
  'versions',
  'nullableVersions',
  'taggedVersions',
  'tag',
  'default',
  'fields',
]);

/** A line for each field, except Millrace's own: path, type, versions, nullable versions, tag, default. */
function ourFacts(fields: Fields, path: string, facts: string[]): string[] {
  const range = (versions: { min: number; max: number }) =>
    versions.max === versions.min
      ? `${versions.min}`
      : `${versions.min}${versions.max === Infinity ? '+' : `-${versions.max}`}`;
  for (const [name, field] of Object.entries(fields)) {
    if (field.tag === MILLRACE_TAG) continue;
    const inner = field.fields === undefined ? field.element : 'struct';
    const type = field.kind === 'array' ? `[]${inner}` : field.kind;
    const nullable = field.nullable === undefined ? 'never' : range(field.nullable);
    const at = `${path}.${name}`;
    const value =
      field.kind === 'array' || field.kind === 'struct'
        ? field.default === null
          ? 'null'
          : 'empty'
        : describeDefault(field.default);
    facts.push(
      `${at}: ${type} ${range(field.versions)} nullable ${nullable} tag ${field.tag ?? 'none'} default ${value}`,
    );
    if (field.fields !== undefined) ourFacts(field.fields, at, facts);
  }
  return facts;
}

function describeDefault(value: unknown): string {
  // The largest safe integer stands for the largest int64 in our tables.
  if (value === Number.MAX_SAFE_INTEGER) return '9223372036854775807';
  if (value instanceof Uint8Array) return 'empty';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function kafkaFacts(message: KafkaMessage): string[] {
  const structs = new Map((message.commonStructs ?? []).map((struct) => [struct.name, struct.fields!]));
  const facts: string[] = [];
  const visit = (fields: KafkaField[], path: string) => {
    for (const field of fields) {
      const at = `${path}.${field.name[0]!.toLowerCase()}${field.name.slice(1)}`;
      for (const key of Object.keys(field))
        if (!OFF_WIRE.has(key) && !COMPARED.has(key)) throw new Error(`${at}: ${key} is not compared`);
      // A tagged field is tagged in all its versions: our tables cannot express anything else.
      expect(field.taggedVersions ?? field.versions, at).toBe(field.versions);
      expect(field.tag === undefined, at).toBe(field.taggedVersions === undefined);
      const isArray = field.type.startsWith('[]');
      const base = isArray ? field.type.slice(2) : field.type;
      const inner = field.fields ?? structs.get(base);
      const type = inner === undefined ? field.type : isArray ? '[]struct' : 'struct';
      const facets = `${type} ${field.versions} nullable ${nullableVersions(field, base)} tag ${field.tag ?? 'none'}`;
      facts.push(`${at}: ${facets} default ${kafkaDefault(field, type, base)}`);
      if (inner !== undefined) visit(inner, at);
    }
  };
  visit(message.fields, message.name);
  return facts;
}

/**
 * The versions in which the field may be null. Our tables allow null for every records field, so the check
 * demands that Kafka's schema allows it in every version.
 */
function nullableVersions(field: KafkaField, base: string): string {
  if (base === 'records') expect(field.nullableVersions).toBe(field.versions);
  return field.nullableVersions ?? 'never';
}

function kafkaDefault(field: KafkaField, type: string, base: string): string {
  const given = field.default;
  if (given === 'null' || base === 'records') return 'null';
  if (type.startsWith('[]') || type === 'struct' || type === 'bytes') return 'empty';
  if (type === 'string') return JSON.stringify(given ?? '');
  if (type === 'bool') return String(given ?? false);
  if (type === 'uuid') return '"AAAAAAAAAAAAAAAAAAAAAA"';
  return BigInt(given === undefined || given === null || given === '' ? 0 : given).toString();
}

function withoutComments(text: string): string {
  return text.replace(/^\s*\/\/.*$/gm, '');
}

function readSchemas(jar: string): Map<string, KafkaMessage> {
  const files = unzip(readFileSync(jar), (path) => /^common\/message\/\w+\.json$/.test(path));
  const messages = [...files.values()].map(
    (file): KafkaMessage => JSON.parse(withoutComments(file.toString())),
  );
  return new Map(messages.map((message) => [message.name, message]));
}

const isHere = existsSync(CLIENTS);

describe.skipIf(!isHere)('the tables against the schemas of kafka-clients 4.3.1', () => {
  const schemas = isHere ? readSchemas(CLIENTS) : new Map<string, KafkaMessage>();

  for (const api of allApis) {
    it(`${api.name}: key, versions, flexible versions`, () => {
      const request = schemas.get(`${api.name}Request`)!;
      const response = schemas.get(`${api.name}Response`)!;
      const leftOut = LEFT_OUT_VERSIONS.get(api.name);
      const max = leftOut === undefined ? api.maxVersion : Number(leftOut);
      const versions = max === api.minVersion ? `${max}` : `${api.minVersion}-${max}`;
      if (leftOut !== undefined) {
        expect(request.latestVersionUnstable).toBe(true);
        expect(max).toBe(api.maxVersion + 1);
      }
      expect(request.apiKey).toBe(api.key);
      expect(response.apiKey).toBe(api.key);
      expect(request.latestVersionUnstable ?? false).toBe(leftOut !== undefined);
      for (const message of [request, response]) {
        expect(message.validVersions).toBe(versions);
        expect(message.flexibleVersions).toBe(
          api.flexibleFrom === Infinity ? 'none' : `${api.flexibleFrom}+`,
        );
      }
    });

    for (const [direction, fields] of [
      ['Request', api.requestFields],
      ['Response', api.responseFields],
    ] as const) {
      it(`${api.name}${direction}: every field in order`, () => {
        const name = api.name + direction;
        const kafka = kafkaFacts(schemas.get(name)!);
        const leftOut = kafka.filter((fact) => LEFT_OUT_FIELDS.has(fact.slice(0, fact.indexOf(':'))));
        for (const fact of leftOut) expect(fact).toMatch(/ 6\+ /);
        expect(ourFacts(fields, name, [])).toEqual(kafka.filter((fact) => !leftOut.includes(fact)));
      });
    }
  }

  it('every field that the tables leave out exists in Kafka', () => {
    const all = ['InitProducerIdRequest', 'InitProducerIdResponse'].flatMap((name) =>
      kafkaFacts(schemas.get(name)!),
    );
    for (const path of LEFT_OUT_FIELDS) expect(all.some((fact) => fact.startsWith(`${path}:`))).toBe(true);
  });

  it('the headers are as headers.ts reads them', () => {
    const request = schemas.get('RequestHeader')!;
    const response = schemas.get('ResponseHeader')!;
    expect(request.fields.map((field) => `${field.name} ${field.type}`)).toEqual([
      'RequestApiKey int16',
      'RequestApiVersion int16',
      'CorrelationId int32',
      'ClientId string',
    ]);
    expect(request.fields[3]!.flexibleVersions).toBe('none');
    expect(request.fields[3]!.nullableVersions).toBe('1+');
    expect(response.fields.map((field) => `${field.name} ${field.type}`)).toEqual(['CorrelationId int32']);
    expect([request.flexibleVersions, response.flexibleVersions]).toEqual(['2+', '1+']);
  });
});

describe.skipIf(!isHere)('group records and the consumer protocol against the schemas of Kafka 4.3.1', () => {
  const schemas = isHere
    ? new Map([...readSchemas(CLIENTS), ...readSchemas(COORDINATOR)])
    : new Map<string, KafkaMessage>();

  it.each(embeddedMessages.map((message) => ({ name: message.name, message })))(
    '$name: type, versions, flexible versions, every field in order',
    ({ name, message }) => {
      const { type, part, minVersion, maxVersion, flexibleFrom, fields } = message;
      const schema = schemas.get(name)!;
      expect(schema.apiKey).toBe(type);
      expect(schema.type).toBe(type === undefined ? 'data' : `coordinator-${part}`);
      expect(schema.validVersions).toBe(
        maxVersion === minVersion ? `${maxVersion}` : `${minVersion}-${maxVersion}`,
      );
      expect(schema.flexibleVersions).toBe(flexibleFrom === Infinity ? 'none' : `${flexibleFrom}+`);
      expect(ourFacts(fields, name, [])).toEqual(kafkaFacts(schema));
    },
  );

  it('every record is here, except those of share and streams groups', () => {
    const types = [...schemas.values()]
      .filter((schema) => schema.type === 'coordinator-key' && !/^(Share|Streams)Group/.test(schema.name))
      .map((schema) => schema.apiKey);
    expect(embeddedMessages.filter(({ part }) => part === 'key').map(({ type }) => type)).toEqual(
      types.sort((a, b) => a - b),
    );
  });
});
