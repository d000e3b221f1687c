/**
 * Gives a command a connection to one broker, and turns the error codes in the broker's answers into errors.
 */
import { KafkaClient } from '@millrace/client/io';
import { ErrorCode, errorName } from '@millrace/protocol';
import { clientOptions } from './client-options.ts';
import { UserError } from './user-error.ts';
import type { Bootstrap } from './with-cluster.ts';

/**
 * Connects to the first broker of the list that answers, and does the work. Closes the connection when the
 * work ends.
 */
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

/**
 * Throws unless the result is a success. `what`: the beginning of the message, which says what did not
 * succeed.
 */
export function refuse(
  what: string,
  result: { readonly errorCode: number; readonly errorMessage?: string | null } | undefined,
): void {
  if (result === undefined) throw new UserError(`${what}: the broker's answer does not mention it`);
  if (result.errorCode === ErrorCode.NONE) return;
  const why = result.errorMessage ? ` (${result.errorMessage})` : '';
  throw new UserError(`${what}: ${errorName(result.errorCode)}${why}`);
}
