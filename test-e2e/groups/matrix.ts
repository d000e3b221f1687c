/**
 * `npm run matrix:groups`: every event with every client and protocol.
 *
 *   --client NAME,…      kafkajs, platformatic, confluent-kafka, java, franz-go, aiokafka, kafka-python
 *   --event NAME,…       join, leave, kill, pause, static, grow, coordinator
 *   --protocol NAME      classic or consumer
 *   --at-once N          groups that run at the same time, default 4
 *   --peer               against Apache Kafka instead of Millrace
 *   --bootstrap SERVERS  against a cluster that runs already, with the settings of clusters.ts
 *   --lines FOLDER       writes every line of the members to files of this folder
 *   --verbose            prints each step
 *
 * Prints a line for each run and exits with code 1 if a run fails.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runningCluster, startForGroups } from './clusters.ts';
import { movedFault, pauseFault, repeated } from './kept.ts';
import { type EventName, eventNames, nameOf, type Variant, variants } from './variants.ts';
import { type Outcome, runWave } from './wave.ts';

const SESSION_MS = 6000;
const SETTLE_LIMIT_MS = 60_000;

const { values } = parseArgs({
  options: {
    client: { type: 'string' },
    event: { type: 'string' },
    protocol: { type: 'string' },
    'at-once': { type: 'string', default: '4' },
    peer: { type: 'boolean', default: false },
    bootstrap: { type: 'string' },
    lines: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

const chosen = variants.filter(
  ({ client, protocol }) =>
    (values.client === undefined || values.client.split(',').includes(client)) &&
    (values.protocol === undefined || values.protocol === protocol),
);
const events = eventNames.filter(
  (name) => values.event === undefined || values.event.split(',').includes(name),
);
const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s`;
const say = (text: string) => process.stdout.write(`${seconds()}  ${text}\n`);

let failures = 0;
const cluster =
  values.bootstrap === undefined
    ? await startForGroups(SESSION_MS, values.peer ? 'three-and-three' : undefined)
    : runningCluster(values.bootstrap);
say(`${cluster.name} is ready: ${cluster.bootstrapServers}`);
try {
  for (const event of events) {
    const able = chosen.filter(({ lacks }) => lacks?.[event] === undefined);
    for (const variant of chosen) {
      const reason = variant.lacks?.[event];
      if (reason !== undefined) say(`skip ${nameOf(variant).padEnd(44)} ${event}: ${reason}`);
    }
    const waves = Math.ceil(able.length / Number(values['at-once']));
    for (let wave = 0; wave < waves; wave++) {
      // The variants of one client are neighbours in the list. Neighbours run in different waves, because
      // some clients need much time to start.
      for (const outcome of await strike(
        event,
        able.filter((_, i) => i % waves === wave),
      )) {
        const { variant } = outcome;
        const again = async (fault: string) => {
          say(`again ${nameOf(variant)} ${event}: ${fault}`);
          return (await strike(event, [variant]))[0]!;
        };
        report(event, await repeated(outcome, faultOf, again));
      }
    }
  }
} finally {
  await cluster.stop();
}
say(failures === 0 ? 'every run passed' : `${failures} runs failed`);
process.exit(failures === 0 ? 0 : 1);

function dumpTo(folder: string) {
  mkdirSync(folder, { recursive: true });
  return (name: string, lines: readonly string[]) =>
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
}

async function strike(event: EventName, wave: readonly Variant[]): Promise<Outcome[]> {
  return await runWave({
    cluster,
    variants: wave,
    events: [event],
    sessionMs: SESSION_MS,
    settleLimitMs: SETTLE_LIMIT_MS,
    ...(values.lines === undefined ? {} : { dump: dumpTo(values.lines) }),
    progress: (text) => values.verbose && say(`     ${text}`),
  });
}

function faultOf({ gaps, quietGapMs }: Outcome): string | undefined {
  return movedFault(gaps) ?? pauseFault(gaps, quietGapMs);
}

function report(event: EventName, outcome: Outcome): void {
  const gap = outcome.gaps[0];
  const violations = [...outcome.violations];
  const fault = faultOf(outcome);
  if (fault !== undefined) violations.push(fault);
  const pause =
    gap === undefined
      ? ''
      : `, ${gap.partitions} unmoved, pause ${gap.longestMs} ms (quiet ${outcome.quietGapMs} ms)`;
  const took = `joined ${outcome.joinedMs} ms, settled ${outcome.applied[0]?.tookMs ?? '-'} ms`;
  const verdict = violations.length === 0 ? 'ok  ' : 'FAIL';
  say(
    `${verdict} ${nameOf(outcome.variant).padEnd(44)} ${event}: ${took}, ${outcome.processed} records${pause}`,
  );
  for (const violation of violations)
    process.stdout.write(`          ${violation.replaceAll('\n', '\n          ')}\n`);
  if (violations.length > 0) failures++;
}
