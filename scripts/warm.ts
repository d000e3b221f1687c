/**
 * Fills the compile cache with the modules that a node loads, so that the first start after an installation
 * is as quick as later ones.
 */
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';

enableCompileCache(process.env['NODE_COMPILE_CACHE'] ?? join(import.meta.dirname, '..', '.cache', 'compile'));
const { runCommandLine } = await import('../packages/cli/src/command-line.ts');
process.stdout.write = () => true;
await runCommandLine(['start', '--help']);
await Promise.all([
  import('../packages/cli/src/commands/start.ts'),
  import('../packages/cli/src/commands/cluster.ts'),
  import('../packages/cli/src/commands/topic.ts'),
]);
const { startCluster } = await import('../packages/cli/src/index.ts');
const cluster = await startCluster({ controllers: 1, brokers: 1 });
await cluster.stop();
flushCompileCache();
