/**
 * Goal: code that logs an event that is not in the tables does not compile, and the code logs every event of
 * the tables.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACTORS, definitionOf, type EventDefinition, eventsTable, type Logger } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { expect, test } from 'vitest';

const packages = join(import.meta.dirname, '../../..');
const events = Object.values(eventsTable).flatMap(
  (part) => Object.entries(part) as [string, EventDefinition][],
);

test('a log call compiles only with an event, a level and facts of the table', () => {
  const memory = new MemoryLogger();
  const logger: Logger = memory;
  const foreign = { reason: 'r', clean: true };
  // @ts-expect-error: no such event
  logger.info('node-was-seen', { reason: 'r' });
  // @ts-expect-error: the event's level is error
  logger.info('node-failed', { reason: 'r' });
  // @ts-expect-error: no such fact
  logger.error('node-failed', { reason: 'r', colour: 'red' });
  // @ts-expect-error: a fact of another event
  logger.error('node-failed', foreign);
  // @ts-expect-error: a fact of another event, in a spread
  logger.error('node-failed', { ...foreign });
  // @ts-expect-error: the reason is missing
  logger.error('node-failed', {});
  // @ts-expect-error: the facts are missing
  logger.error('node-failed');
  // @ts-expect-error: of the two events with this name, one has no incarnationId, the other needs a brokerId
  logger.info('broker-registered', { brokerEpoch: 3, incarnationId: 'i' });
  // @ts-expect-error: no event has such a fact
  logger.child({ colour: 'red' });
  const wrong = memory.events.length;

  logger.error('node-failed', { reason: 'r' });
  logger.error('log-read-failed', { directory: 'd', reason: 'r' });
  logger.error('log-read-failed', { directory: 'd', reason: 'r', offset: 7 });
  for (const level of ['info', 'warn'] as const) {
    const facts = { listener: 'l', remoteAddress: 'a', reason: 'r' };
    if (level === 'info') logger.info('connection-closed', facts);
    else logger.warn('connection-closed', facts);
  }
  logger.info('broker-registered', { brokerEpoch: 3 });
  logger.info('broker-registered', { brokerId: 4, brokerEpoch: 3, incarnationId: 'i' });
  expect(memory.events.slice(wrong)).toHaveLength(7);
});

test('every event of the table is logged by some source', () => {
  const files = globSync('*/src/**/*.ts', { cwd: packages }).filter(
    (file) => !/^(sim|cli)\/|^base\/src\/log-events\//.test(file),
  );
  const text = files.map((file) => readFileSync(join(packages, file), 'utf8')).join('\n');
  expect(events.map(([name]) => name).filter((name) => !text.includes(`'${name}'`))).toEqual([]);
});

test.each(events)('%s is in kebab case, and its sentence uses only its facts', (name, { facts, says }) => {
  expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/);
  for (const fact of facts) expect(fact).toMatch(/^[a-z][A-Za-z]*\??$/);
  expect(new Set(facts).size).toBe(facts.length);
  expect(ACTORS.some((actor) => says.startsWith(`${actor} `))).toBe(true);
  expect(says).not.toMatch(/\. /);
  // The logger of a partition's log adds topic and partition.
  const told = [...says.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
  const known = [...facts, ...(facts.includes('topic?') ? ['topic', 'partition'] : [])];
  expect(told.filter((fact) => !known.includes(fact))).toEqual([]);
});

test('if two events have the same name, their facts tell them apart', () => {
  expect(definitionOf('broker-fenced', { brokerId: 4, brokerEpoch: 3 })?.part).toBe('controller');
  expect(definitionOf('broker-fenced', { brokerEpoch: 3 })?.part).toBe('session');
  const own = { part: 'node', definition: eventsTable.node['node-failed'] };
  expect(definitionOf('node-failed', { reason: 'r' })).toEqual(own);
  expect(definitionOf('toString', {})).toBeUndefined();
});

test('definitionOf finds the part of each event, with and without the optional facts', () => {
  for (const [part, events] of Object.entries(eventsTable))
    for (const [name, { facts }] of Object.entries(events) as [string, EventDefinition][])
      for (const present of [facts, facts.filter((fact) => !fact.endsWith('?'))]) {
        const given = Object.fromEntries(present.map((fact) => [fact.replace('?', ''), 1]));
        expect(definitionOf(name, given)?.part, name).toBe(part);
      }
});
