/** Starts the clients of a scenario, and names them for the history. */
import type { ClientPlan, Scenario } from '../scenario/types.ts';
import type { ClientFact } from '../types.ts';
import type { WorkloadClient, WorkloadContext } from '../workload/context.ts';
import { WorkloadGroupMember } from '../workload/group-member.ts';
import { WorkloadReader } from '../workload/reader.ts';
import { WorkloadWriter } from '../workload/writer.ts';

/** A client with the name that the history gives it. */
export interface NamedClient extends ClientFact {
  readonly plan: ClientPlan;
}

/** The names count the clients of each role: `writer-1`, `reader-1`, … */
export function namedClients({ clients }: Scenario): NamedClient[] {
  const counts = new Map<string, number>();
  return clients.flatMap((plan) =>
    Array.from({ length: plan.count }, (): NamedClient => {
      const { role, library, topic, acks, idempotent } = plan;
      const number = (counts.get(role) ?? 0) + 1;
      counts.set(role, number);
      const writes = role === 'writer' ? { acks, idempotent } : {};
      return { name: `${role}-${number}`, library, role, topic, ...writes, plan };
    }),
  );
}

export async function startClient(
  { name, plan }: NamedClient,
  context: WorkloadContext,
  partitions: number,
): Promise<WorkloadClient> {
  const { role, topic, acks, idempotent, paceMs, keys, group, protocol } = plan;
  if (role === 'writer')
    return await WorkloadWriter.start(context, { name, topic, partitions, acks, idempotent, paceMs, keys });
  if (role === 'reader') return await WorkloadReader.start(context, { name, topic });
  return await WorkloadGroupMember.start(context, { name, topic, group, protocol });
}
