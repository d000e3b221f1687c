/** The `millrace` command: takes the options and sets the exit code. The commands are in commands/. */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// In the repository, Node caches compiled sources in a folder that the setup has filled. With an empty cache
// a node needs twice the time to start and a third more memory.
const inRepository = import.meta.filename.endsWith('.ts');
if (inRepository) process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../../.cache/compile');
enableCompileCache(process.env['NODE_COMPILE_CACHE']);

// The program that reads our output may close it early (`millrace … | head`). This is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`millrace: cannot write the output: ${error.code ?? error.message}\n`);
  process.exit(1);
});

const { runCommandLine } = await import('./command-line.ts');
process.exitCode = await runCommandLine(process.argv.slice(2));
