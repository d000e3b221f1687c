/**
 * The golden exchanges in test/goldens/*.hex: frames without their size. Most are requests of a real client,
 * or of ask.ts, and Kafka's answers. Kafka's own classes encoded the others (kafka-codec.ts).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnyApi, allApis } from '@millrace/protocol';
import type { Filling } from './samples.ts';

export interface Golden {
  readonly api: AnyApi;
  readonly version: number;
  readonly client: string;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
}

const FOLDER = join(import.meta.dirname, '../goldens');

/** The name that stands in place of a client's name in the goldens that Kafka's classes wrote. */
export const codecClient = (filling: Filling): string => `Kafka 4.3.1's own codec, ${filling} sample`;

export function readGoldens(): Golden[] {
  const names = readdirSync(FOLDER).filter((name) => /-v\d+\.hex$/.test(name));
  return names.sort().flatMap(readFile);
}

function readFile(name: string): Golden[] {
  const [, apiName, version] = /^(\w+)-v(\d+)\.hex$/.exec(name)!;
  const api = allApis.find((candidate) => candidate.name === apiName)!;
  const goldens: Golden[] = [];
  let client = '';
  let request = new Uint8Array(0);
  for (const line of readFileSync(join(FOLDER, name), 'utf8').split('\n')) {
    const content = line.slice(2);
    if (line.startsWith('# ')) client = content;
    if (line.startsWith('> ')) request = Buffer.from(content, 'hex');
    if (line.startsWith('< '))
      goldens.push({ api, version: Number(version), client, request, response: Buffer.from(content, 'hex') });
  }
  return goldens;
}
