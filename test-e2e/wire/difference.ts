/** Compares two answers field by field. Matches elements of arrays by their names, not by their order. */
import { ErrorCode } from '@millrace/protocol';
import type { Outcome } from './exchange.ts';

export interface Difference {
  /** For example `topics{name}.partitions{0}.errorCode`. Empty if the two outcomes are of different kinds. */
  readonly path: string;
  readonly ours: string;
  readonly peer: string;
}

const ABSENT = 'absent';
const nameFields = ['name', 'topic', 'topicName', 'resourceType', 'resourceName', 'groupId', 'memberId'];
const numberFields = ['partitionIndex', 'partition', 'index', 'apiKey', 'nodeId', 'brokerId', 'replicaId'];
const errorNames = new Map(Object.entries(ErrorCode).map(([name, code]) => [code as number, name]));

export function differencesOf(ours: Outcome, peer: Outcome): Difference[] {
  if (ours.kind === 'answer' && peer.kind === 'answer') return [...between('', ours.value, peer.value)];
  return ours.kind === peer.kind ? [] : [{ path: '', ours: summary(ours), peer: summary(peer) }];
}

/** The path without the names of elements: `topics.partitions.errorCode`. */
export function fieldOf(path: string): string {
  return path.replaceAll(/\{[^}]*\}/g, '');
}

function* between(path: string, ours: unknown, peer: unknown): Generator<Difference> {
  if (isStructs(ours) && isStructs(peer)) {
    yield* betweenMembers(keyed(ours), keyed(peer), (key) => `${path}{${key}}`);
  } else if (isPlain(ours) && isPlain(peer)) {
    const entries = (value: object) => new Map(Object.entries(value));
    yield* betweenMembers(entries(ours), entries(peer), (key) => (path === '' ? key : `${path}.${key}`));
  } else {
    const [left, right] = [shown(path, ours), shown(path, peer)];
    if (left !== right) yield { path, ours: left, peer: right };
  }
}

function* betweenMembers(
  ours: ReadonlyMap<string, unknown>,
  peer: ReadonlyMap<string, unknown>,
  pathOf: (key: string) => string,
): Generator<Difference> {
  for (const key of new Set([...ours.keys(), ...peer.keys()])) {
    const path = pathOf(key);
    if (!ours.has(key)) yield { path, ours: ABSENT, peer: 'present' };
    else if (!peer.has(key)) yield { path, ours: 'present', peer: ABSENT };
    else yield* between(path, ours.get(key), peer.get(key));
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStructs(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.every(isPlain);
}

function keyed(elements: readonly Record<string, unknown>[]): Map<string, unknown> {
  const map = new Map<string, unknown>();
  for (const element of elements) {
    const key = keyOf(element);
    let unique = key;
    for (let n = 2; map.has(unique); n++) unique = `${key} #${n}`;
    map.set(unique, element);
  }
  return map;
}

/** The names and numbers that identify an element, or the topic id if the element has none of them. */
function keyOf(element: Record<string, unknown>): string {
  if (typeof element['key'] === 'string') return element['key'];
  const named = [...nameFields, ...numberFields]
    .map((field) => element[field] ?? '')
    .filter((name) => name !== '');
  return named.length > 0 ? named.join(' ') : String(element['topicId'] ?? '');
}

function summary(outcome: Outcome): string {
  if (outcome.kind === 'undecodable') return `undecodable: ${outcome.why}`;
  if (outcome.kind !== 'answer') return outcome.kind;
  const codes = [...JSON.stringify(outcome.value).matchAll(/"errorCode":(-?\d+)/g)];
  return `answer ${[...new Set(codes.map(([, code]) => code))].join(' ')}`.trim();
}

const LENGTH_MAX = 160;

function shown(path: string, value: unknown): string {
  if (/rrorCode$/.test(path)) return `${value} ${errorNames.get(value as number) ?? '?'}`;
  const text = value === undefined ? 'undefined' : JSON.stringify(value);
  return text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}… (${text.length})` : text;
}
