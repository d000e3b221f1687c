/** The `millrace` command: options in, exit code out. What a command does lives in commands/. */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// In the repository the cache of stripped and compiled sources lies beside them, and the setup warms it: a
// node started from a cold one takes twice the time and a third more memory.
const inRepository = import.meta.filename.endsWith('.ts');
if (inRepository) process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../../.cache/compile');
enableCompileCache(process.env['NODE_COMPILE_CACHE']);

// Whoever reads our output may have enough of it (`millrace … | head`): that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const { runCommandLine } = await import('./command-line.ts');
process.exitCode = await runCommandLine(process.argv.slice(2));
