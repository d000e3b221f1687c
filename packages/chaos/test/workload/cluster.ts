/** A cluster in this process for the tests of the workload, and a topic in it. */
import { KafkaClient } from '@millrace/client/io';
import { apis, ErrorCode } from '@millrace/protocol';
import type { HistoryLine } from '../../src/types.ts';
import { runClock, type WorkloadContext } from '../../src/workload/context.ts';

/** A context whose lines the test can look at. */
export function recording(bootstrapServers: string): WorkloadContext & { readonly lines: HistoryLine[] } {
  const lines: HistoryLine[] = [];
  return { bootstrapServers, nowUs: runClock(), sink: (line) => void lines.push(line), lines };
}

export async function createTopic(servers: string, name: string, numPartitions: number): Promise<void> {
  const client = await KafkaClient.bootstrap(servers);
  try {
    const topics = [{ name, numPartitions, replicationFactor: 1 }];
    const answer = await client.call(apis.createTopics, { timeoutMs: 10_000, topics });
    if (answer.topics[0]!.errorCode !== ErrorCode.NONE) throw new Error(answer.topics[0]!.errorMessage!);
  } finally {
    client.close();
  }
}

export function opsOf(lines: readonly HistoryLine[]) {
  return lines.flatMap((line) => (line.line === 'op' ? [line.op] : []));
}

export function sendsOf(lines: readonly HistoryLine[]) {
  return opsOf(lines).filter((op) => op.type === 'send');
}

export function pollsOf(lines: readonly HistoryLine[]) {
  return opsOf(lines).filter((op) => op.type === 'poll');
}

export function finalsOf(lines: readonly HistoryLine[]) {
  return lines.filter((line) => line.line === 'final');
}
