/** What brokers learn about the command line. */
import type { KafkaClientOptions } from '@millrace/client/io';
import { millraceVersion } from './version.ts';

export const clientOptions: KafkaClientOptions = {
  clientId: 'millrace-cli',
  softwareVersion: millraceVersion,
};
