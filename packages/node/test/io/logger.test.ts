/**
 * Goal: log lines keep their form, and a node survives a log that it cannot write. Method: the real logger,
 * also on a device that is always full.
 */
import { existsSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createLogger } from '../../src/io/logger.ts';

test.skipIf(!existsSync('/dev/full')).each(['json', 'pretty'] as const)(
  'a full disk under the log file does not end the node (%s)',
  async (format) => {
    const logger = await createLogger({ format, nodeId: 1, fd: openSync('/dev/full', 'w') });
    // More bytes than the logger keeps for later.
    const logMuch = () => {
      for (let i = 0; i < 3000; i++) logger.error('node-failed', { reason: 'x'.repeat(1000) });
    };
    expect(logMuch).not.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(logMuch).not.toThrow();
  },
);

test('each line is a JSON object with the stable name of the event, node and facts; errors have message and stack', async () => {
  const lines: string[] = [];
  const logger = await createLogger({
    format: 'json',
    nodeId: 4,
    destination: { write: (line) => void lines.push(line) },
  });
  logger.child({ topic: 't' }).warn('control-message-refused', {
    method: 'm',
    peer: 'p',
    error: new Error('why'),
  });
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0]!) as Record<string, unknown>;
  const event = 'control-message-refused';
  expect(line).toMatchObject({ level: 'warn', node: 4, topic: 't', event, method: 'm' });
  expect(line['error']).toMatchObject({ message: 'why' });
  expect(line['time']).toMatch(/^\d{4}-.*Z$/);
});
