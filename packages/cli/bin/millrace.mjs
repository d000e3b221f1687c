#!/usr/bin/env node
/**
 * Finds a Node that can run Millrace, and starts Millrace with it. In the repository, Node 24 or newer runs
 * the TypeScript directly: the Node that runs this file, or, if that one is older, the pinned Node. A
 * published package has dist/main.js instead.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';

const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(packageFolder, 'dist', 'main.js');
const source = join(packageFolder, 'src', 'main.ts');
const major = Number(process.versions.node.split('.')[0]);

if (!existsSync(source)) {
  await import(built);
} else if (major >= 24) {
  await import(source);
} else {
  const { nodeBinary } = await import(join(packageFolder, '..', '..', 'scripts', 'toolchain.mjs'));
  const child = spawn(nodeBinary(), [source, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // At a terminal, Ctrl-C reaches the child by itself. Without a terminal, pass SIGINT on to the child.
  process.on('SIGINT', () => isatty(0) || child.kill('SIGINT'));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
