/**
 * `npm run test:compose`: shows that `docker compose up --wait` starts six healthy containers that serve the
 * host and other containers, that their named volumes keep the data, and that the application of
 * examples/compose works beside them. First installs a container engine and makes the base image if they are
 * missing. Leaves nothing running.
 */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const hostServers = 'localhost:29092,localhost:29093,localhost:29094';
const innerServers = 'broker-4:9092,broker-5:9092,broker-6:9092';
const cli = join(root, 'packages/cli/src/main.ts');

let passed = 0;
let failed = 0;

function run(command: string, args: string[], options: SpawnSyncOptions = {}): string {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', timeout: 300_000, ...options });
  if (result.status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')}: exit code ${result.status}\n${result.stdout ?? ''}${result.stderr ?? ''}`,
    );
  }
  return String(result.stdout ?? '');
}

function show(what: string, check: () => void): void {
  const started = performance.now();
  try {
    check();
    passed++;
    process.stdout.write(`ok   ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
  } catch (error) {
    failed++;
    process.stdout.write(`FAIL ${what}\n${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function expectEqual(actual: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`got ${a}, wanted ${b}`);
}

const compose = (...args: string[]) => run('docker', ['compose', ...args]);
const onHost = (...args: string[]) => run(process.execPath, [cli, ...args]);
/**
 * Runs the command line in a new container in the cluster's network, so the client is on none of the six
 * nodes.
 */
const inside = (...args: string[]) =>
  run('docker', [
    'run',
    '--rm',
    '--network',
    'millrace_default',
    '--entrypoint',
    'node',
    'millrace:dev',
    'packages/cli/src/main.ts',
    ...args,
  ]);

/** Counts the partitions in the output of `topic describe` that have a leader and an ISR of three. */
function healthyPartitions(description: string): number {
  return description.split('\n').filter((line) => /Leader: \d+\t.*Isr: \d+,\d+,\d+$/.test(line)).length;
}

process.stdout.write(run(join(root, 'deploy/ensure-engine.sh'), []));
process.stdout.write(run(join(root, 'deploy/ensure-base-image.sh'), [], { timeout: 600_000 }));
try {
  compose('down', '--volumes', '--remove-orphans');
  show('the image builds', () => void compose('build', '--quiet'));
  show('docker compose up --wait brings six healthy containers', () => {
    compose('up', '--wait', '--wait-timeout', '120');
    const states = compose('ps', '--format', '{{.Service}} {{.State}} {{.Health}}').trim().split('\n').sort();
    const services = ['broker-4', 'broker-5', 'broker-6', 'controller-1', 'controller-2', 'controller-3'];
    expectEqual(
      states,
      services.map((service) => `${service} running healthy`),
    );
  });
  show('the processes are not root', () =>
    expectEqual(compose('exec', '-T', 'broker-4', 'id', '-u').trim(), '1000'),
  );
  show('the host creates a topic and sees every replica in sync', () => {
    onHost(
      'topic',
      'create',
      'from-host',
      '--bootstrap-server',
      hostServers,
      '--partitions',
      '3',
      '--replication-factor',
      '3',
    );
    expectEqual(
      healthyPartitions(onHost('topic', 'describe', 'from-host', '--bootstrap-server', hostServers)),
      3,
    );
  });
  show('another container does the same by the inner listener', () => {
    inside(
      'topic',
      'create',
      'from-container',
      '--bootstrap-server',
      innerServers,
      '--partitions',
      '3',
      '--replication-factor',
      '3',
    );
    expectEqual(inside('topic', 'list', '--bootstrap-server', innerServers).trim().split('\n'), [
      'from-container',
      'from-host',
    ]);
  });
  show('after down and up the named volumes still hold the topics', () => {
    compose('down');
    compose('up', '--wait', '--wait-timeout', '120');
    expectEqual(onHost('topic', 'list', '--bootstrap-server', hostServers).trim().split('\n'), [
      'from-container',
      'from-host',
    ]);
  });
} finally {
  if (failed > 0) process.stdout.write(compose('logs', '--tail', '20'));
  compose('down', '--volumes', '--remove-orphans');
}

const example = (...args: string[]) => compose('--file', 'examples/compose/compose.yml', ...args);
try {
  show('examples/compose: an application beside the six sends orders and reads them back', () => {
    example('build', '--quiet');
    const orders = example('run', '--rm', '--no-TTY', 'app').trim().split('\n');
    expectEqual(orders.map((line) => line.replace(/^orders-\d @ \d: /, '')).sort(), [
      'ada ordered one cake',
      'ada ordered two coffees',
      'grace ordered one tea',
    ]);
  });
} finally {
  if (failed > 0) process.stdout.write(example('logs', '--tail', '20'));
  example('down', '--volumes', '--remove-orphans');
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
