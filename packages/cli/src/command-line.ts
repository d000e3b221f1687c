/**
 * Builds the command tree. A command's code is loaded only when the command runs, so a node starts quickly.
 *
 * To add a command:
 * 1. Define it below or in `definitions/`, in a function like `addTopic`, with its name, arguments, options,
 *    help and an example, and call that function in `buildProgram`. The action imports `commands/NAME.ts`.
 * 2. `commands/NAME.ts`: write the action. It refuses bad input with a `UserError` that names the bad value
 *    and the allowed ones.
 * 3. `packages/cli/test/command-line.test.ts`: add the name to `commands` (a test demands help and an example
 *    for each of them), and add a test for each refused input. Test the action itself against a cluster, in
 *    `packages/cli/test/scenarios/`.
 * 4. README.md lists the commands: add a sentence there.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { addChaos } from './definitions/chaos.ts';
import { addConfig } from './definitions/config.ts';
import { addGroup } from './definitions/group.ts';
import {
  bootstrapOption,
  collected,
  command,
  directoryOption,
  jsonOption,
  type Settings,
  settingOption,
  timeoutOption,
  wholeNumber,
} from './definitions/options.ts';
import { addConsume, addProduce } from './definitions/records.ts';
import { parseSeed, parseSeeds, SEED_MAX, type SeedRange } from './sim/seeds.ts';
import { millraceVersion } from './version.ts';

/**
 * The names of the errors whose message is a sentence for the user. This file compares names, not classes,
 * because the classes would need the code of all commands.
 */
const SENTENCES: ReadonlySet<string> = new Set(['UserError', 'ConfigError', 'StartError', 'ClientError']);

/**
 * Runs one command line and returns its exit code. If the command fails with an error that the user can fix,
 * prints its message on stderr.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    await buildProgram().parseAsync([...args], { from: 'user' });
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof Error && SENTENCES.has(error.name)) {
      process.stderr.write(`millrace: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

function buildProgram(): Command {
  const program = new Command('millrace')
    .description('A Kafka-wire-compatible event streaming broker for Node.js')
    .exitOverride()
    .showHelpAfterError('(--help shows the usage)')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'millrace: ')) });
  program.version(millraceVersion);
  addStart(program);
  addCluster(program);
  addTopic(program);
  addConfig(program);
  addProduce(program);
  addConsume(program);
  addGroup(program);
  addSim(program);
  addChaos(program);
  return program;
}

function addStart(program: Command): void {
  command(program, 'start', 'Starts one node in the foreground, as kafka-server-start.sh does.')
    .option('--config <file>', 'a .properties or YAML file')
    .addOption(settingOption('--set', 'overrides one setting; may be given more than once'))
    .addHelpText(
      'after',
      '\nExample:\n  millrace start --config broker.properties --set log.dirs=/var/lib/millrace',
    )
    .action(async (options: { config?: string; set: Settings }) => {
      const { start } = await import('./commands/start.ts');
      await start(options);
    });
}

function addCluster(program: Command): void {
  const cluster = command(program, 'cluster', 'Runs a local cluster: one process per node, on loopback.');
  command(cluster, 'start', 'Starts the cluster in the folder, or a new one, and returns once it serves.')
    .addOption(directoryOption())
    .option('--controllers <n>', 'number of controllers (first start only), default 3', wholeNumber(1, 9))
    .option('--brokers <n>', 'number of brokers (first start only), default 3', wholeNumber(1, 64))
    .option(
      '--port <port>',
      'port of the first broker; each further broker gets the next port, and the controllers get ports that begin 1000 above this port (first start only); default 9092',
      wholeNumber(1, 65535),
    )
    .addOption(
      settingOption(
        '--set',
        'a setting for every node; once the cluster serves, the folder keeps it for later starts; --set key= removes it; may be given more than once',
      ),
    )
    .option('--foreground', 'stay in the foreground, and stop every node at Ctrl-C')
    .addOption(timeoutOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExample:\n  millrace cluster start --dir ./data --brokers 3 --set min.insync.replicas=2',
    )
    .action(async (options) => (await import('./commands/cluster.ts')).clusterStart(options));
  command(cluster, 'stop', 'Stops every node cleanly, brokers first.')
    .addOption(directoryOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  millrace cluster stop --dir ./data')
    .action(async (options) => (await import('./commands/cluster.ts')).clusterStop(options));
  command(cluster, 'status', 'Shows every node, the active controller and the partitions each broker leads.')
    .addOption(directoryOption())
    .option('--json', 'print one JSON object instead of a table')
    .addHelpText('after', '\nExample:\n  millrace cluster status --dir ./data --json')
    .action(async (options) => (await import('./commands/cluster.ts')).clusterStatus(options));
  const verbs = {
    kill: 'Kills a node (SIGKILL), like a crash.',
    pause: 'Freezes a node (SIGSTOP): it keeps its connections and answers nothing.',
    resume: 'Resumes a paused node (SIGCONT).',
    restart: 'Stops a node cleanly if it runs, and starts it again.',
  } as const;
  for (const [verb, description] of Object.entries(verbs)) {
    const change = command(cluster, verb, description)
      .argument('<node>', 'node id', wholeNumber(1, 1000))
      .addOption(directoryOption())
      .addOption(jsonOption())
      .addHelpText('after', `\nExample:\n  millrace cluster ${verb} 4 --dir ./data`)
      .action(async (node: number, options: { dir: string }) =>
        (await import('./commands/cluster.ts')).clusterNode(verb as keyof typeof verbs, node, options),
      );
    if (verb === 'restart') change.addOption(timeoutOption());
  }
}

function addTopic(program: Command): void {
  const topic = command(program, 'topic', 'Creates, lists, describes, alters and deletes topics.');
  command(topic, 'create', 'Creates a topic.')
    .argument('<name>')
    .addOption(bootstrapOption())
    .option(
      '--partitions <n>',
      "number of partitions; default: the cluster's num.partitions",
      wholeNumber(1, 10_000),
    )
    .option(
      '--replication-factor <n>',
      "replicas; default: the cluster's default.replication.factor",
      wholeNumber(1, 64),
    )
    .addOption(settingOption('--config', 'a topic setting; may be given more than once'))
    .addHelpText(
      'after',
      '\nExample:\n  millrace topic create orders --bootstrap-server localhost:9092 --partitions 3 --replication-factor 3 --config min.insync.replicas=2',
    )
    .action(async (name, options) => (await import('./commands/topic.ts')).topicCreate(name, options));
  command(topic, 'list', 'Lists the topics.')
    .addOption(bootstrapOption())
    .addHelpText('after', '\nExample:\n  millrace topic list --bootstrap-server localhost:9092')
    .action(async (options) => (await import('./commands/topic.ts')).topicList(options));
  command(topic, 'describe', 'Shows leader, replicas and ISR of each partition.')
    .argument('[name]', 'default: every topic')
    .addOption(bootstrapOption())
    .addHelpText('after', '\nExample:\n  millrace topic describe orders --bootstrap-server localhost:9092')
    .action(async (name, options) => (await import('./commands/topic.ts')).topicDescribe(name, options));
  command(topic, 'alter', 'Adds partitions to a topic, changes its configs, or both.')
    .argument('<name>')
    .addOption(bootstrapOption())
    .option('--partitions <n>', 'the new number of partitions', wholeNumber(1, 10_000))
    .addOption(settingOption('--config', 'a topic setting to set; may be given more than once'))
    .option(
      '--unset <key>',
      'a topic setting that the topic no longer sets; may be given more than once',
      collected,
    )
    .addHelpText(
      'after',
      '\nExample:\n  millrace topic alter orders --bootstrap-server localhost:9092 --partitions 6 --config retention.ms=3600000',
    )
    .action(async (name, options) => (await import('./commands/topic.ts')).topicAlter(name, options));
  command(topic, 'delete', 'Deletes a topic and its data.')
    .argument('<name>')
    .addOption(bootstrapOption())
    .addHelpText('after', '\nExample:\n  millrace topic delete orders --bootstrap-server localhost:9092')
    .action(async (name, options) => (await import('./commands/topic.ts')).topicDelete(name, options));
}

function addSim(program: Command): void {
  command(program, 'sim', 'Simulates whole clusters under faults on virtual time, and checks every promise.')
    .option('--seed <s>', 'replay one run and print its story', seedNumber)
    .option('--seeds <a..b>', 'run all of these seeds; with --minutes, b may be missing (a..)', seedNumbers)
    .option('--minutes <m>', 'start no run after this many minutes', wholeNumber(1, 100_000))
    .option('--jobs <n>', 'processes that run seeds; default: one per core', wholeNumber(1, 1_024))
    .option('--plan <file>', 'run the plan in this file and print its story')
    .option(
      '--plan-out <file>',
      'write the plan of the run to this file; if the run fails, the smallest plan that still fails',
    )
    .option('--print-plan', 'print the plan of --seed, and do not run it')
    .option('--no-shrink', 'do not shrink the plan of a failing run')
    .option('--verbose', 'print the whole story')
    .option('--json', 'print one JSON object instead of text')
    .addHelpText(
      'after',
      `
A seed has a plan: its incidents and their faults. Every run of a plan has the same events and the same hash. If a run
breaks a promise, the command shrinks the plan of the run to the smallest plan that still fails. It prints the story of
that plan and the command that replays the plan, and ends with exit code 1.

Example:
  millrace sim --seed 42
  millrace sim --seed 42 --print-plan > plan.json
  millrace sim --plan plan.json
  millrace sim --seeds 1..1000 --jobs 8
  millrace sim --minutes 60 --seeds 5000..`,
    )
    .action(async (options) => (await import('./commands/sim.ts')).sim(options));
  // The worker processes of `sim --seeds` run this command.
  program
    .command('sim-worker', { hidden: true })
    .addHelpText('after', '\nExample:\n  millrace sim-worker')
    .action(async () => (await import('./commands/sim.ts')).simWorker());
}

function seedNumber(text: string): number {
  const seed = parseSeed(text);
  if (seed === undefined) throw new InvalidArgumentError(`Expected a whole number from 0 to ${SEED_MAX}.`);
  return seed;
}

function seedNumbers(text: string): SeedRange {
  const range = parseSeeds(text);
  if (range === undefined)
    throw new InvalidArgumentError(
      `Expected A..B or A.., with whole numbers from 0 to ${SEED_MAX}, the smaller first.`,
    );
  return range;
}
