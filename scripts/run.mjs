#!/usr/bin/env node
/**
 * The entry of every `npm run …` except `setup`: sets up the checkout if needed, then runs the named script
 * under Node 24 or newer. This file runs on any Node from 18 on.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { isatty } from 'node:tty';
import { setup } from './setup.mjs';
import { nodeBinary, root } from './toolchain.mjs';

/** name → [file below the root, fixed arguments] */
const scripts = {
  start: ['packages/cli/src/main.ts', 'cluster', 'start', '--dir', './data', '--foreground'],
  test: ['scripts/test.ts'],
  check: ['scripts/test.ts', '--only', 'check'],
  example: ['examples/kafkajs/orders.ts'],
  'test:compose': ['deploy/test-compose.ts'],
  'chaos:all': ['packages/cli/src/main.ts', 'chaos', 'run', '--scenario', 'all'],
  'soak:failover': ['test-e2e/soak/failover.ts'],
  'soak:kill-all': ['test-e2e/soak/kill-all.ts'],
  'soak:garbage': ['test-e2e/soak/garbage.ts'],
  'soak:log': ['test-e2e/soak/log.ts'],
  'matrix:groups': ['test-e2e/groups/matrix.ts'],
  'compare:wire': ['test-e2e/wire/main.ts'],
  'bench:quick': ['test-e2e/bench/quick.ts'],
  'bench:groups': ['test-e2e/bench/groups.ts'],
  'bench:log': ['test-e2e/bench/log.ts'],
  'bench:check': ['packages/protocol/bench/check.ts'],
  'measure:start': ['test-e2e/bench/measure-start.ts'],
  'measure:topics': ['test-e2e/bench/topics.ts'],
  'measure:metadata': ['test-e2e/bench/metadata.ts'],
  'measure:partitions': ['test-e2e/bench/partitions.ts'],
  'measure:sim': ['packages/sim/bench/speed.ts'],
  'sim:long': ['packages/cli/src/main.ts', 'sim', '--seeds', '1..20000'],
  'sim:log': ['packages/log/test/twin/main.ts'],
  build: ['scripts/build.ts'],
  fuzz: ['packages/protocol/fuzz.ts'],
  'sim:planted': ['packages/sim/planted/run.ts'],
  format: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.'],
};

const [name, ...rest] = process.argv.slice(2);
const script = Object.hasOwn(scripts, name ?? '') ? scripts[name] : undefined;
if (script === undefined) {
  process.stderr.write(
    `run: there is no script '${name}'; the scripts are ${Object.keys(scripts).join(', ')}\n`,
  );
  process.exit(1);
}
let node;
try {
  setup();
  node = nodeBinary();
} catch (error) {
  process.stderr.write(`${name}: ${error.message}\n`);
  process.exit(1);
}

const [file, ...args] = script;
const child = spawn(node, [join(root, file), ...args, ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${dirname(node)}:${join(root, 'node_modules', '.bin')}:${process.env.PATH}` },
});
// Forwards signals to the child. Does not forward SIGINT at a terminal: there, Ctrl-C sends SIGINT to the
// whole foreground process group, which contains the child.
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
process.on('SIGINT', () => isatty(0) || child.kill('SIGINT'));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
