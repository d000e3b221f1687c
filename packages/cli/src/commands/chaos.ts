/** `millrace chaos …`: breaks a cluster on purpose, and says whether it kept its promises. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Prng } from '@millrace/base';
import {
  builtinNames,
  builtinScenario,
  checkHistory,
  FAULTS,
  htmlOf,
  modelOf,
  parseScenario,
  type ReportModel,
  readHistory,
  runScenario,
  type Scenario,
  ScenarioError,
  type TopicPlan,
  terminalText,
} from '@millrace/chaos';
import { createTopicRequest } from '@millrace/client';
import { apis } from '@millrace/protocol';
import { noteCluster, stopLeftovers } from '../chaos/leftovers.ts';
import { InterruptedStart, LocalTarget } from '../chaos/local-target.ts';
import type { Settings } from '../cluster/layout.ts';
import { INTERRUPTED, nextInterrupt } from '../interrupt.ts';
import { UserError } from '../user-error.ts';
import { refuse, withClient } from '../with-client.ts';

export interface ChaosRunOptions {
  readonly scenario: string;
  readonly minutes?: number;
  readonly seed?: number;
  readonly controllers?: number;
  readonly brokers?: number;
  readonly set: Settings;
  readonly out?: string;
  readonly keep?: boolean;
  readonly json?: boolean;
}

interface Output {
  readonly json?: boolean;
}

const MINUTES = 2;
const HISTORY = 'history.jsonl';
const REPORT = 'report.html';
const REPORT_JSON = 'report.json';
const CLUSTER = 'cluster';
const TOPIC_TIMEOUT_MS = 15_000;

export async function chaosRun(options: ChaosRunOptions): Promise<void> {
  const scenario = scenarioOf(options.scenario);
  const { controllers = 3, brokers = 3, minutes = MINUTES, set } = options;
  refuseSmallClusters(scenario, brokers);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  const out = resolve(options.out ?? `chaos-${scenario.name}-${seed}`);
  if (existsSync(out)) throw new UserError(`${out} exists; give a new folder with --out`);
  mkdirSync(out, { recursive: true });
  const began = performance.now();
  const say = (sentence: string) => {
    const seconds = ((performance.now() - began) / 1000).toFixed(0).padStart(4);
    process.stderr.write(`${seconds} s  ${sentence}\n`);
  };
  const interrupt = nextInterrupt();
  const abort = new AbortController();
  void interrupt.came.then(() => abort.abort());
  const hasLinks = scenario.faults.some(({ fault }) => FAULTS[fault].needs === 'links');
  const directory = join(out, CLUSTER);
  for (const sentence of await stopLeftovers()) say(sentence);
  const forgetCluster = noteCluster(directory);
  let target: LocalTarget | undefined;
  let isGood = false;
  try {
    say(`starts ${controllers} controllers and ${brokers} brokers; seed ${seed}`);
    const { came: interrupted } = interrupt;
    target = await LocalTarget.start({
      directory,
      controllers,
      brokers,
      settings: set,
      hasLinks,
      interrupted,
    });
    const { bootstrapServers } = target;
    const result = await runScenario({
      scenario,
      target,
      createTopic: (topic) => createTopic(bootstrapServers, topic),
      random: new Prng(seed),
      minutes,
      historyFile: join(out, HISTORY),
      run: {
        scenario: scenario.name,
        sentence: scenario.sentence,
        seed,
        target: target.name,
        command: commandOf(options, { seed, minutes }),
      },
      interrupt: abort.signal,
      say,
    });
    say('checks the history');
    const model = await judge(out);
    writeReport(out, model);
    isGood = model.verdict.isGood && result.problem === undefined;
    print(options, model, { out, problem: result.problem });
    if (!isGood) process.exitCode = 1;
    else if (abort.signal.aborted) process.exitCode = INTERRUPTED;
  } catch (error) {
    if (!(error instanceof InterruptedStart)) throw error;
    say('interrupted; every node has stopped');
    process.exitCode = INTERRUPTED;
  } finally {
    interrupt.forget();
    await target?.close(!isGood || options.keep === true);
    if (isGood && options.keep !== true) rmSync(directory, { recursive: true, force: true });
    forgetCluster();
  }
}

export async function chaosList(options: Output): Promise<void> {
  const scenarios = builtinNames().map(builtinScenario);
  if (options.json) {
    const list = scenarios.map(({ name, sentence, faults }) => ({ name, sentence, faults }));
    process.stdout.write(`${JSON.stringify(list)}\n`);
    return;
  }
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  for (const { name, sentence } of scenarios) process.stdout.write(`${name.padEnd(width)}  ${sentence}\n`);
}

export async function chaosCheck(folder: string, options: Output): Promise<void> {
  const model = await judge(folder);
  print(options, model, { out: resolve(folder) });
  if (!model.verdict.isGood) process.exitCode = 1;
}

export async function chaosReport(folder: string): Promise<void> {
  const out = resolve(folder);
  writeReport(out, await judge(out));
  process.stdout.write(`${join(out, REPORT)}\n`);
}

/** Checks the history in the folder of a run. */
async function judge(folder: string): Promise<ReportModel> {
  const file = historyIn(folder);
  return await modelOf(readHistory(file), await checkHistory(file));
}

function writeReport(out: string, model: ReportModel): void {
  writeFileSync(join(out, REPORT_JSON), `${JSON.stringify(model)}\n`);
  writeFileSync(join(out, REPORT), htmlOf(model));
}

function historyIn(folder: string): string {
  const file = join(resolve(folder), HISTORY);
  if (!existsSync(file))
    throw new UserError(`${resolve(folder)} has no ${HISTORY}; give the folder of a run`);
  return file;
}

/** A built-in scenario, or one from a file. */
function scenarioOf(name: string): Scenario {
  try {
    if (builtinNames().includes(name)) return builtinScenario(name);
    if (existsSync(name)) return parseScenario(readFileSync(name, 'utf8'), name);
  } catch (error) {
    if (error instanceof ScenarioError) throw new UserError(error.message);
    throw error;
  }
  throw new UserError(
    `there is no scenario '${name}', and no such file; the built-in scenarios are ${builtinNames().join(', ')}`,
  );
}

function refuseSmallClusters({ topics, name }: Scenario, brokers: number): void {
  for (const topic of topics)
    if (topic.replicationFactor > brokers)
      throw new UserError(
        `the topic ${topic.name} of the scenario ${name} needs ${topic.replicationFactor} brokers; --brokers is ${brokers}`,
      );
}

async function createTopic(bootstrapServer: string, topic: TopicPlan): Promise<void> {
  const { name, partitions, replicationFactor, config: configs } = topic;
  await withClient({ bootstrapServer }, async (client) => {
    const request = createTopicRequest({ name, partitions, replicationFactor, configs }, TOPIC_TIMEOUT_MS);
    const answer = await client.call(apis.createTopics, request);
    refuse(`topic '${name}' was not created`, answer.topics[0]);
  });
}

/** The command that repeats the run. */
function commandOf(
  { scenario, controllers, brokers, set }: ChaosRunOptions,
  { seed, minutes }: { readonly seed: number; readonly minutes: number },
): string {
  const counts = [
    ...(controllers === undefined ? [] : [`--controllers ${controllers}`]),
    ...(brokers === undefined ? [] : [`--brokers ${brokers}`]),
    ...Object.entries(set).map(([key, value]) => `--set ${key}=${value}`),
  ];
  return [
    `npx millrace chaos run --scenario ${scenario} --minutes ${minutes} --seed ${seed}`,
    ...counts,
  ].join(' ');
}

function print(
  { json }: Output,
  model: ReportModel,
  { out, problem }: { readonly out: string; readonly problem?: string | undefined },
): void {
  if (json) {
    const { verdict, run, totals, durationUs } = model;
    process.stdout.write(`${JSON.stringify({ out, problem, run, durationUs, verdict, totals })}\n`);
    return;
  }
  const lines = [terminalText(model)];
  if (problem !== undefined) lines.push('', `The run ended early: ${problem}.`);
  if (existsSync(join(out, REPORT))) lines.push('', `Report: ${join(out, REPORT)}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}
