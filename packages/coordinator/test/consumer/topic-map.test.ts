/** Goal: a map of topics behaves like a Map, whatever number of topics it has. */
import type { Uuid } from '@millrace/base';
import { expect, it } from 'vitest';
import { mapOfTopics } from '../../src/consumer/topic-map.ts';

const [A, B] = ['YWFhYWFhYWFhYWFhYWFhYQ', 'YmJiYmJiYmJiYmJiYmJiYg'] as [Uuid, Uuid];

it.each<[string, [Uuid, number][]]>([
  ['no topic', []],
  ['one topic', [[A, 1]]],
  [
    'two topics',
    [
      [A, 1],
      [B, 2],
    ],
  ],
  [
    'one topic twice',
    [
      [A, 1],
      [A, 2],
    ],
  ],
])('behaves like a Map of %s', (_, entries) => {
  const map = new Map(entries);
  const topics = mapOfTopics(entries);
  expect(topics.size).toBe(map.size);
  for (const topic of [A, B]) {
    expect(topics.get(topic)).toBe(map.get(topic));
    expect(topics.has(topic)).toBe(map.has(topic));
  }
  expect([...topics]).toEqual([...map]);
  expect([...topics.entries()]).toEqual([...map]);
  expect([...topics.keys()]).toEqual([...map.keys()]);
  expect([...topics.values()]).toEqual([...map.values()]);
  const visited: [Uuid, number][] = [];
  topics.forEach((value, topic) => {
    visited.push([topic, value]);
  });
  expect(visited).toEqual([...map]);
});
