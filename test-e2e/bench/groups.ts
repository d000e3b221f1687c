/**
 * `npm run bench:groups`: measures consumer groups on Millrace and on Apache Kafka, under the same load
 * generator (groups/). Each product has six processes. Only one product runs at a time, and the two take
 * turns. RUNS=3 sets the number of runs. The benchmark compares the medians of the runs. test-e2e/README.md
 * explains the measures.
 *
 *   --only steady,failover,settle,memory   sections; all by default
 *   --protocol classic,consumer            both by default
 *   --quick        small sizes, one run, one cluster for all sections: about three minutes
 *   --alone        measures Millrace only; --peer: measures Apache Kafka only
 *   --groups 1000 --members 10 --offsets 100 --lanes 100 --heartbeat-ms 3000 --commit-ms 5000 --seconds 20
 *   --settle-members 100 --settle-partitions 1000 --settle-heartbeat-ms 100,3000 --deaths 3
 */
import { type Cluster, startMillrace } from '../lib/cluster.ts';
import { StealMeter } from '../lib/stolen.ts';
import { failover, restore } from './groups/failover.ts';
import { Judgement, type Measure } from './groups/judge.ts';
import { type Options, optionsFrom } from './groups/options.ts';
import { settle } from './groups/settle.ts';
import { steadyAndMemory } from './groups/steady.ts';
import { startPeerKafka } from './peer-kafka.ts';

interface Section {
  readonly title: string;
  run(cluster: Cluster): Promise<Measure[]>;
}

/** The sections that run on one cluster, and the settings of the cluster. */
interface Stage {
  readonly settings: Readonly<Record<string, string>>;
  readonly sections: readonly Section[];
}

type Contender = { readonly name: string; start(settings: Stage['settings']): Promise<Cluster> };

const contenders: readonly [Contender, Contender] = [
  { name: 'Millrace', start: (settings) => startMillrace({ settings }) },
  { name: 'Kafka', start: (settings) => startPeerKafka('three-and-three', { settings }) },
];

function settingsFor(sessionMs: number): Record<string, string> {
  return {
    'group.initial.rebalance.delay.ms': '0',
    'group.consumer.assignment.interval.ms': '1000',
    'group.consumer.min.session.timeout.ms': '6000',
    'group.consumer.session.timeout.ms': String(sessionMs),
    'offsets.topic.num.partitions': '50',
  };
}

function stagesOf({ sizes, sections, protocols, sharesCluster }: Options): Stage[] {
  const settings = settingsFor(sizes.sessionMs);
  const hasSteady = sections.has('steady') || sections.has('memory');
  const steady = protocols.map((protocol): Section => {
    return {
      title: `${protocol}, steady`,
      run: (cluster) => steadyAndMemory(cluster, protocol, sizes, sections),
    };
  });
  const failovers = protocols.map((protocol, index): Section => {
    const run = async (cluster: Cluster) => {
      if (sharesCluster && index > 0) await restore(cluster);
      return await failover(cluster, protocol, sizes);
    };
    return { title: `${protocol}, failover`, run };
  });
  const settles = protocols.map((protocol): Section => {
    return { title: `${protocol}, settle`, run: (cluster) => settle(cluster, protocol, sizes) };
  });
  const chosen = [
    ...(hasSteady ? steady : []).map((section) => ({ settings, sections: [section] })),
    ...(sections.has('settle') ? [{ settings: settingsFor(sizes.settleSessionMs), sections: settles }] : []),
    ...(sections.has('failover') ? failovers : []).map((section) => ({ settings, sections: [section] })),
  ];
  return sharesCluster ? [{ settings, sections: chosen.flatMap((stage) => stage.sections) }] : chosen;
}

/** Runs the stage on one contender. Returns an error message for each part that failed. */
async function runStage(stage: Stage, contender: 0 | 1, judgement: Judgement): Promise<string[]> {
  const { name, start } = contenders[contender];
  const failed: string[] = [];
  const steal = new StealMeter();
  let cluster: Cluster | undefined;
  try {
    cluster = await start(stage.settings);
    for (const { title, run } of stage.sections) {
      const from = Date.now();
      process.stdout.write(`${name}: ${title} …\n`);
      try {
        for (const measure of await run(cluster)) {
          judgement.add(contender, measure);
          process.stdout.write(`  ${measure.title}: ${measure.value.toFixed(2)} ${measure.unit}\n`);
        }
      } catch (error) {
        failed.push(`${name}: ${title}: ${(error as Error).message}`);
        process.stdout.write(`  FAILED: ${(error as Error).stack}\n`);
      }
      const stolen = Math.round(steal.between(from, Date.now()));
      process.stdout.write(`  took ${Math.round((Date.now() - from) / 1000)} s, steal time ${stolen} ms\n`);
    }
  } catch (error) {
    // Notes the failure, so that the other stages still run.
    failed.push(`${name}: ${(error as Error).message}`);
    process.stdout.write(`  FAILED: ${(error as Error).stack}\n`);
  } finally {
    steal.stop();
    await cluster?.stop();
  }
  return failed;
}

function describe({ sizes }: Options): string {
  const { groups, membersPerGroup, offsetsPerGroup, lanes, heartbeatMs, commitMs, sessionMs } = sizes;
  const members = groups * membersPerGroup;
  const perMember = Math.floor(offsetsPerGroup / membersPerGroup);
  return [
    'The same for both:',
    `- three controllers and three brokers on loopback; one product runs at a time`,
    `- one load generator in this process, ${lanes} connections to each broker, pipelined requests`,
    `- ${groups} groups of ${membersPerGroup} members with ${offsetsPerGroup} offsets; one broker coordinates all`,
    `- fixed rate: ${perSecond(members, heartbeatMs)} heartbeats/s and ${perSecond(members, commitMs)} commits/s of about ${perMember} offsets`,
    `- highest rate: ${sizes.inFlight} requests under way`,
    `- session timeout ${sessionMs} ms (settle: ${sizes.settleSessionMs} ms); retry after 100 ms, coordinator lookups every 50 ms`,
    `- settle: one group of ${sizes.settleMembers} members and ${sizes.settlePartitions} partitions`,
    ...Object.entries(settingsFor(sizes.sessionMs)).map(([key, value]) => `- ${key}=${value}`),
    'Other settings are the defaults of each product, also the time until a silent broker is fenced.',
    'Kafka’s heap is fixed at 1 GiB for a broker, so its memory says little.',
  ].join('\n');
}

function perSecond(count: number, intervalMs: number): string {
  return ((count / intervalMs) * 1000).toFixed(0);
}

const options = optionsFrom(process.argv.slice(2));
// A signal alone would end the process without its exit handlers, which kill the nodes. So a signal calls
// `process.exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
const runs = Number(process.env['RUNS'] ?? (options.sharesCluster ? 1 : 3));
const judgement = new Judgement();
const failed: string[] = [];
process.stdout.write(`${describe(options)}\n\n`);
for (let round = 0; round < runs; round++) {
  for (const [index, stage] of stagesOf(options).entries()) {
    // The first contender changes with the round and the stage.
    const order = (round + index) % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    for (const contender of order) {
      if (!options.contenders.has(contender)) continue;
      failed.push(...(await runStage(stage, contender, judgement)));
    }
  }
}
const { text, missed } = judgement.summary([contenders[0].name, contenders[1].name]);
process.stdout.write(`\n${describe(options)}\n\n${text}\n\n`);
process.stdout.write(
  'ratio: how many times better Millrace is. Medians of all runs; runs: Millrace/Kafka. Settle: a member learns' +
    ' of a rebalance from its next heartbeat, so the interval of heartbeats bounds the time for both.\n',
);
for (const line of failed) process.stdout.write(`FAILED ${line}\n`);
process.stdout.write(
  missed.length === 0
    ? `goals${options.contenders.size === 2 ? '' : ' without ratios'}: reached\n`
    : `goals NOT reached: ${missed.join('; ')}\n`,
);
process.exit(failed.length === 0 && missed.length === 0 ? 0 : 1);
