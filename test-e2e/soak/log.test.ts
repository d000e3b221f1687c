/** Ten kills of `npm run soak:log`, with a node that no other test uses. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { cacheFolder } from '../lib/paths.ts';
import { runTrial } from './log/trial.ts';

const KILLS = 10;
/** Short, because `npm test` waits for this trial. */
const ALIVE_MS = 300;

test.skipIf(inject('isForeign'))(
  'a node killed ten times while it appends, compacts and removes segments: nothing acknowledged is lost',
  async () => {
    const folder = mkdtempSync(join(cacheFolder('clusters'), 'soak-log-'));
    const { kills, events, violations } = await runTrial({ folder, kills: KILLS, aliveMs: ALIVE_MS });
    expect(violations).toEqual([]);
    expect(kills).toHaveLength(KILLS);
    // If the node had neither compacted nor removed segments, the kills would show nothing.
    expect(events.get('log-cleaned')).toBeGreaterThan(0);
    expect(events.get('log-segment-removed')).toBeGreaterThan(0);
    rmSync(folder, { recursive: true, force: true });
  },
);
