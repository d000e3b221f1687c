/** How a record is printed: kcat's format strings, and JSON. */
import type { Record as KafkaRecord } from '@millrace/protocol';
import { unescaped } from '../escapes.ts';
import { UserError } from '../user-error.ts';

export interface Printed extends KafkaRecord {
  readonly topic: string;
  readonly partition: number;
}

export type Format = (record: Printed) => Uint8Array;

type Part = (record: Printed, nullText: string) => Uint8Array | string;

const EMPTY = new Uint8Array();
const NULL = 'NULL';

const parts: Readonly<Record<string, Part>> = {
  s: ({ value }, nullText) => value ?? nullText,
  S: ({ value }) => String(value?.length ?? -1),
  k: ({ key }, nullText) => key ?? nullText,
  K: ({ key }) => String(key?.length ?? -1),
  t: ({ topic }) => topic,
  p: ({ partition }) => String(partition),
  o: ({ offset }) => String(offset),
  T: ({ timestamp }) => String(timestamp),
  h: ({ headers }) => headers.map(({ key, value }) => `${key}=${textOf(value) ?? NULL}`).join(','),
  '%': () => '%',
};

export interface FormatOptions {
  readonly format?: string;
  readonly keyDelimiter?: string;
  readonly delimiter?: string;
  readonly json?: boolean;
  readonly null?: boolean;
}

/**
 * Makes the function that prints a record. Throws a UserError if the format has an unknown `%` sequence, or
 * if two options contradict each other.
 */
export function formatOf(options: FormatOptions): Format {
  const { format, keyDelimiter, delimiter, json } = options;
  const ofText = [keyDelimiter, delimiter].some((text) => text !== undefined);
  if ((json || format !== undefined) && ofText)
    throw new UserError(
      '--key-delimiter and --delimiter are for the default format: drop them, or --format and --json',
    );
  if (json && format !== undefined) throw new UserError('--json is a format of its own: drop --format');
  if (json) return (record) => Buffer.from(`${JSON.stringify(jsonOf(record))}\n`);
  const end = unescaped(delimiter ?? '\\n');
  const start: Part[] = keyDelimiter === undefined ? [] : [parts['k']!, () => unescaped(keyDelimiter)];
  const list = format === undefined ? [...start, parts['s']!, () => end] : parsed(format);
  const nullText = options.null ? NULL : '';
  return (record) => Buffer.concat(list.map((part) => bytesOf(part(record, nullText))));
}

function parsed(format: string): Part[] {
  const list: Part[] = [];
  for (const [token] of format.matchAll(/%.?|[^%]+/gs)) {
    if (!token.startsWith('%')) {
      const text = unescaped(token);
      list.push(() => text);
      continue;
    }
    const part = parts[token.slice(1)];
    if (part === undefined) {
      const known = Object.keys(parts).map((name) => `%${name}`);
      throw new UserError(`unknown '${token}' in the format: it may have ${known.join(' ')}`);
    }
    list.push(part);
  }
  return list;
}

function bytesOf(part: Uint8Array | string): Uint8Array {
  if (typeof part !== 'string') return part;
  return part === '' ? EMPTY : Buffer.from(part);
}

/** The fields of kcat's -J, in the same order. */
function jsonOf({ topic, partition, offset, timestamp, headers, key, value }: Printed): object {
  return {
    topic,
    partition,
    offset,
    ts: Number(timestamp),
    headers: headers.map((header) => ({ name: header.key, value: textOf(header.value) })),
    key: textOf(key),
    payload: textOf(value),
  };
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString();
}
