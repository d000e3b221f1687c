/**
 * Writes golden bytes for the APIs in ENCODED_BY_KAFKA, and for the messages without a header (embedded.hex).
 * Kafka's own classes encode them:
 *
 *     node kafka-codec.ts KAFKA_FOLDER        (the folder has Kafka's jars in libs/; needs java 17)
 *
 * The values are those of `../support/samples.ts`. The script replaces the paragraphs that it wrote before,
 * and keeps the paragraphs of clients.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnyApi, allApis } from '@millrace/protocol';
import { EMBEDDED_GOLDENS, embeddedLabel, embeddedMessages, versionsOf } from '../support/embedded.ts';
import { codecClient } from '../support/goldens.ts';
import { fillings, sampleOf, toKafkaJson } from '../support/samples.ts';

const libs = join(process.argv[2]!, 'libs');

/** Each line is a message in the format of KafkaCodec.java. Returns Kafka's bytes for each line, as hex. */
function encodeByKafka(lines: readonly string[]): string[] {
  const program = join(import.meta.dirname, 'KafkaCodec.java');
  const input = lines.map((line) => `${line}\n`).join('');
  const java = spawnSync('java', ['-cp', `${libs}/*`, program], { input, maxBuffer: 1 << 26 });
  if (java.status !== 0) throw new Error(java.stderr.toString());
  return java.stdout.toString().trim().split('\n');
}

interface Frame {
  readonly path: string;
  readonly heading: string;
  readonly client: string;
  readonly request: string;
  readonly response: string;
}

function framesOf(api: AnyApi): Frame[] {
  const { name, key, minVersion, maxVersion, requestFields, responseFields } = api;
  const frames: Frame[] = [];
  for (let version = minVersion; version <= maxVersion; version++)
    for (const filling of fillings) {
      const line = (direction: string, fields: AnyApi['requestFields']) => {
        const json = JSON.stringify(toKafkaJson(fields, version, sampleOf(fields, version, filling)));
        return `${direction}\t${name}\t${version}\t${json}`;
      };
      frames.push({
        path: join(import.meta.dirname, `${name}-v${version}.hex`),
        heading: `# ${name} (${key}) v${version}: frames without their size, > request, < response\n`,
        client: codecClient(filling),
        request: line('request', requestFields),
        response: line('response', responseFields),
      });
    }
  return frames;
}

function withParagraph(text: string, client: string, lines: string): string {
  const paragraphs = text.trimEnd().split('\n\n');
  const others = paragraphs.filter((paragraph) => !paragraph.startsWith(`# ${client}\n`));
  return `${[...others, `# ${client}\n${lines}`].join('\n\n')}\n`;
}

/** Kafka's classes encode these APIs, because no capture of a client has all of their versions and fields. */
const ENCODED_BY_KAFKA = new Set([8, 9, 10, 11, 12, 13, 14, 15, 16, 42, 47, 68, 69]);

const frames = allApis.filter(({ key }) => ENCODED_BY_KAFKA.has(key)).flatMap(framesOf);
const bytes = encodeByKafka(frames.flatMap(({ request, response }) => [request, response]));
for (const [i, { path, heading, client }] of frames.entries()) {
  const old = existsSync(path) ? readFileSync(path, 'utf8') : heading;
  writeFileSync(path, withParagraph(old, client, `> ${bytes[2 * i]}\n< ${bytes[2 * i + 1]}`));
}

const embedded = embeddedMessages.flatMap((message) =>
  versionsOf(message).flatMap((version) =>
    fillings.map((filling) => {
      const { part, name, package: folder, fields } = message;
      const json = JSON.stringify(toKafkaJson(fields, version, sampleOf(fields, version, filling)));
      return {
        label: embeddedLabel(message, version, filling),
        line: `${part}\t${folder}.${name}\t${version}\t${json}`,
      };
    }),
  ),
);
const hex = encodeByKafka(embedded.map(({ line }) => line));
const embeddedLines = embedded.map(({ label }, i) => `${label}: ${hex[i]}\n`);
writeFileSync(
  EMBEDDED_GOLDENS,
  `# The samples of test/support/samples.ts, encoded by the classes of Kafka 4.3.1\n${embeddedLines.join('')}`,
);
