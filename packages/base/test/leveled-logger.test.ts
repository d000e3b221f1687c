/**
 * Goal: a logger writes the events of its level and of more severe ones, and a change of its level acts at
 * once.
 */
import { LeveledLogger, LogLevels } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { expect, test } from 'vitest';

function leveled(root: ConstructorParameters<typeof LogLevels>[0]) {
  const memory = new MemoryLogger();
  const levels = new LogLevels(root);
  const logger = new LeveledLogger(memory, levels);
  /**
   * Logs a debug event and a warn event of the part `quorum`, and an error event of the part `node`. Returns
   * the levels of the events that the logger passes on.
   */
  const written = () => {
    memory.events.length = 0;
    logger.debug('leader-followed', { epoch: 3, leaderId: 2 });
    logger.warn('quorum-lost', { epoch: 3, reason: 'r' });
    logger.error('node-failed', { reason: 'r' });
    return memory.events.map(({ level }) => level);
  };
  return { levels, logger, memory, written };
}

test.each([
  ['TRACE', ['debug', 'warn', 'error']],
  ['DEBUG', ['debug', 'warn', 'error']],
  ['INFO', ['warn', 'error']],
  ['WARN', ['warn', 'error']],
  ['ERROR', ['error']],
  ['FATAL', []],
  ['OFF', []],
] as const)('a logger of level %s', (level, expected) => {
  expect(leveled(level).written()).toEqual(expected);
});

test('a logger with a level of its own ignores the level of root until the level is unset', () => {
  const { levels, written } = leveled('INFO');
  levels.set('quorum', 'DEBUG');
  expect(written()).toEqual(['debug', 'warn', 'error']);
  levels.set('root', 'OFF');
  expect([written(), levels.of('quorum'), levels.of('node')]).toEqual([['debug', 'warn'], 'DEBUG', 'OFF']);
  levels.unset('quorum');
  expect([written(), levels.of('quorum')]).toEqual([[], 'OFF']);
});

test('a child keeps its facts, and follows the levels', () => {
  const { levels, logger, memory } = leveled('INFO');
  const child = logger.child({ topic: 't' });
  levels.set('log', 'OFF');
  child.error('log-read-failed', { directory: 'd', reason: 'r' });
  levels.unset('log');
  child.error('log-read-failed', { directory: 'd', reason: 'r' });
  expect(memory.events).toEqual([
    { level: 'error', event: 'log-read-failed', facts: { topic: 't', directory: 'd', reason: 'r' } },
  ]);
});
