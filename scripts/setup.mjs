#!/usr/bin/env node
/**
 * Sets up a fresh checkout with npm alone: installs Node 24 and pnpm (toolchain/, pinned by its lockfile),
 * then the workspace's dependencies (pnpm-lock.yaml), then fills the cache of compiled sources. Skips each
 * step whose lockfile and manifests have not changed since the last setup. Runs on any Node from 18 on, so it
 * uses no newer feature and no package.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nodeBinary, pnpmScript, root, toolchain } from './toolchain.mjs';

/** Brings the checkout up to date with its lockfiles. Throws an Error with a remedy in its message. */
export function setup() {
  step({
    name: 'Node 24 and pnpm',
    inputs: [join(toolchain, 'package.json'), join(toolchain, 'package-lock.json')],
    stamp: join(toolchain, 'node_modules', '.millrace-setup'),
    run: () =>
      run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', toolchain], process.env),
  });
  const node = nodeBinary();
  step({
    name: 'dependencies',
    inputs: [join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml'), ...packageFiles()],
    stamp: join(root, 'node_modules', '.millrace-setup'),
    run: () =>
      run(node, [pnpmScript, 'install', '--frozen-lockfile', '--reporter=append-only'], {
        ...process.env,
        CI: 'true', // pnpm then never asks a question
        PATH: `${dirname(node)}:${process.env.PATH}`,
      }),
  });
  const cache = process.env.NODE_COMPILE_CACHE ?? join(root, '.cache', 'compile');
  step({
    name: 'compiled sources',
    inputs: [
      join(root, 'pnpm-lock.yaml'),
      join(root, 'packages', 'cli', 'src', 'cluster', 'memory-limits.ts'),
    ],
    stamp: join(cache, '.millrace-setup'),
    // Node has a separate cache of compiled sources for each value of this flag. Commands run without the
    // flag, and the nodes of a cluster run with it. So the setup fills both caches.
    run: () => {
      for (const flags of [[], ['--heap-growing-percent=50']])
        run(node, [...flags, join(root, 'scripts', 'warm.ts')], {
          ...process.env,
          NODE_COMPILE_CACHE: cache,
        });
    },
  });
}

function step({ name, inputs, stamp, run: install }) {
  const hash = createHash('sha256');
  for (const file of inputs) hash.update(readFileSync(file));
  const wanted = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const started = Date.now();
  process.stderr.write(`installing ${name} …`);
  rmSync(stamp, { force: true });
  install();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
  process.stderr.write(` done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

function run(command, args, env) {
  const result = spawnSync(command, args, { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status === 0) return;
  process.stderr.write(`\n${result.stdout ?? ''}${result.stderr ?? ''}`);
  const why = result.error ? result.error.message : `exit code ${result.status}`;
  throw new Error(
    `\`${command} ${args.join(' ')}\` failed (${why}). Check that the npm registry is reachable, then run it again.`,
  );
}

function packageFiles() {
  const members = ['packages', 'examples'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(group, name)),
  );
  const folders = ['.', 'test-e2e', ...members];
  return folders.map((folder) => join(root, folder, 'package.json')).filter((file) => existsSync(file));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    setup();
  } catch (error) {
    process.stderr.write(`setup: ${error.message}\n`);
    process.exit(1);
  }
}
