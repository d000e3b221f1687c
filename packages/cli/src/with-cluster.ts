/** Gives a command a connection to a whole cluster, which closes when the command ends. */
import { KafkaCluster, type KafkaClusterOptions } from '@millrace/client/io';
import { clientOptions } from './client-options.ts';

export interface Bootstrap {
  readonly bootstrapServer: string;
}

export async function withCluster<T>(
  { bootstrapServer }: Bootstrap,
  work: (cluster: KafkaCluster) => Promise<T>,
  options: KafkaClusterOptions = {},
): Promise<T> {
  const cluster = await KafkaCluster.connect(bootstrapServer, { ...clientOptions, ...options });
  try {
    return await work(cluster);
  } finally {
    cluster.close();
  }
}
