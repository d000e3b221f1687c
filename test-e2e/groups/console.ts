/**
 * Creates the topics and groups of console-table.ts in a cluster, and runs the calls of Kafka's tools that
 * the table lists.
 */

import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { run } from '../lib/exec.ts';
import { callLine, exitCodeOf } from '../lib/tool-calls.ts';
import { neededTool } from '../lib/tools.ts';
import { createTopic } from '../lib/wire.ts';
import {
  type Call,
  COMMITTED,
  calls,
  normalise,
  OTHER_TOPIC,
  PARTITIONS,
  RECORDS,
  TOPIC,
} from './console-table.ts';
import { GroupRun } from './run.ts';
import { commitWithoutMember } from './simple-commit.ts';
import { variants } from './variants.ts';

const LIMIT_MS = 60_000;
const CALLS_LIMIT_MS = 150_000;

/** By the name of a call: its exit code, and then the lines of its output. */
export type Outputs = Record<string, readonly string[]>;

/** Runs every call. The topics must not exist yet. */
export async function runCalls(bootstrapServers: string, replicas: number): Promise<Outputs> {
  for (const name of [TOPIC, OTHER_TOPIC]) {
    await createTopic(bootstrapServers, { name, partitions: PARTITIONS, replicas });
  }
  await produce(bootstrapServers);
  await commitWithoutMember(bootstrapServers, 'old', TOPIC, COMMITTED);
  const members = [
    await startMember(bootstrapServers, 'classic'),
    await startMember(bootstrapServers, 'consumer'),
  ];
  try {
    const outputs: Outputs = {};
    const cut = calls.findIndex(({ before }) => before === 'stopMembers');
    Object.assign(outputs, await callTools(bootstrapServers, calls.slice(0, cut)));
    await Promise.all(members.flatMap(({ live }) => live.map((member) => member.stop())));
    Object.assign(outputs, await callTools(bootstrapServers, calls.slice(cut)));
    return outputs;
  } finally {
    await Promise.all(members.map((member) => member.abandon()));
  }
}

async function produce(bootstrapServers: string): Promise<void> {
  const kafka = new Kafka({ brokers: bootstrapServers.split(','), logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = Array.from({ length: RECORDS * PARTITIONS }, (_, n) => ({
    partition: n % PARTITIONS,
    value: `record ${n}`,
  }));
  await producer.send({ topic: TOPIC, messages, acks: -1 });
  await producer.disconnect();
}

async function startMember(bootstrapServers: string, protocol: 'classic' | 'consumer'): Promise<GroupRun> {
  const assignor = protocol === 'classic' ? 'range' : 'uniform';
  const variant = variants.find(
    (one) => one.client === 'franz-go' && one.protocol === protocol && one.assignor === assignor,
  );
  if (variant === undefined) throw new Error('there is no such variant of franz-go');
  const member = await GroupRun.create(variant, {
    bootstrapServers,
    group: protocol === 'classic' ? 'classic' : 'next',
    topic: TOPIC,
    partitions: PARTITIONS,
    sessionMs: 60_000,
    settleLimitMs: LIMIT_MS,
  });
  member.start();
  await member.drain(Array.from({ length: PARTITIONS }, () => RECORDS));
  return member;
}

async function callTools(bootstrapServers: string, some: readonly Call[]): Promise<Outputs> {
  const { program, args } = await neededTool('java');
  const lines = some.map(({ tool, args: words }) => callLine(tool, bootstrapServers, words));
  const { stdout } = await run(program, [...args, 'Tools'], {
    input: lines.join(''),
    timeoutMs: CALLS_LIMIT_MS,
  });
  const outputs: Outputs = {};
  let current: string[] = [];
  let index = 0;
  for (const line of stdout.toString('utf8').split('\n')) {
    const exitCode = exitCodeOf(line);
    if (exitCode === undefined) {
      current.push(line);
      continue;
    }
    outputs[some[index++]!.name] = [`exit ${exitCode}`, ...normalise(current.join('\n'))];
    current = [];
  }
  if (index !== some.length) throw new Error(`the tools ended after ${index} of ${some.length} calls`);
  return outputs;
}
