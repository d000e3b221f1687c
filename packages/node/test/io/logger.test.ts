/**
 * Goal: a node survives a log that it cannot write. Method: the real logger on a device that is always full.
 */
import { existsSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createLogger } from '../../src/io/logger.ts';

test.skipIf(!existsSync('/dev/full')).each(['json', 'pretty'] as const)(
  'a full disk under the log file does not end the node (%s)',
  async (format) => {
    const logger = await createLogger({ level: 'info', format, nodeId: 1, fd: openSync('/dev/full', 'w') });
    // More bytes than the logger keeps for later.
    const logMuch = () => {
      for (let i = 0; i < 3000; i++) logger.error('node-failed', { reason: 'x'.repeat(1000) });
    };
    expect(logMuch).not.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(logMuch).not.toThrow();
  },
);
