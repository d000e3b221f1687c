/**
 * Runs before the end-to-end tests: installs the foreign clients, starts six processes, writes the corpus.
 *
 *   E2E_BOOTSTRAP=host:port,…   tests this cluster (Millrace or another Kafka) instead of starting one
 *   CI=true                     a missing client fails the run; by default, the run skips the client's tests
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startMillrace } from './cluster.ts';
import { makeCorpus, RECORDS, writeCorpus } from './corpus.ts';
import { cacheFolder } from './paths.ts';
import { kafkaFolder, type ToolName, type ToolState, tool, toolNames } from './tools.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    bootstrapServers: string;
    /** True if the tests run against the cluster of E2E_BOOTSTRAP. */
    isForeign: boolean;
    tools: Record<ToolName, ToolState>;
    /**
     * `corpusFile`: the records to write. `workFolder`: the folder for the records that clients read back.
     */
    corpusFile: string;
    workFolder: string;
  }
}

const HOUR_MS = 3_600_000;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const foreign = process.env['E2E_BOOTSTRAP'];
  const workFolder = mkdtempSync(join(cacheFolder('work'), 'e2e-'));
  const states = await Promise.all(toolNames.map(async (name) => [name, await tool(name)] as const));
  const missing = states.flatMap(([name, state]) =>
    'missing' in state ? [`${name} (${state.missing})`] : [],
  );
  if (missing.length > 0 && process.env['CI'] === 'true') throw new Error(`missing: ${missing.join('; ')}`);
  if (!states.some(([name, state]) => name === 'java' && 'missing' in state)) {
    process.env['KAFKA_HOME'] = await kafkaFolder();
  }
  const corpusFile = join(workFolder, 'corpus.bin');
  writeCorpus(corpusFile, makeCorpus(RECORDS, Date.now() - HOUR_MS));
  const cluster = foreign === undefined ? await startMillrace() : undefined;
  project.provide('bootstrapServers', cluster?.bootstrapServers ?? foreign ?? '');
  project.provide('isForeign', foreign !== undefined);
  project.provide('tools', Object.fromEntries(states) as Record<ToolName, ToolState>);
  project.provide('corpusFile', corpusFile);
  project.provide('workFolder', workFolder);
  return async () => {
    await cluster?.stop();
    rmSync(workFolder, { recursive: true, force: true });
    if (missing.length > 0) process.stdout.write(`skipped, not available here: ${missing.join('; ')}\n`);
  };
}
