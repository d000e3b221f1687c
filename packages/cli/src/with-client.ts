/** The connection of a command to one broker, and the errors in the answers of this broker. */
import { KafkaClient } from '@millrace/client/io';
import { ErrorCode, errorName } from '@millrace/protocol';
import { clientOptions } from './client-options.ts';
import { UserError } from './user-error.ts';
import type { Bootstrap } from './with-cluster.ts';

/** Connects to the first of the brokers that answers. The connection closes when the work ends. */
export async function withClient<T>(
  { bootstrapServer }: Bootstrap,
  work: (client: KafkaClient) => Promise<T>,
): Promise<T> {
  const client = await KafkaClient.bootstrap(bootstrapServer, clientOptions);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** Throws unless the result is a success. `what`: what the error prevented. */
export function refuse(
  what: string,
  result: { readonly errorCode: number; readonly errorMessage?: string | null } | undefined,
): void {
  if (result === undefined) throw new UserError(`${what}: the broker's answer does not mention it`);
  if (result.errorCode === ErrorCode.NONE) return;
  const why = result.errorMessage ? ` (${result.errorMessage})` : '';
  throw new UserError(`${what}: ${errorName(result.errorCode)}${why}`);
}
