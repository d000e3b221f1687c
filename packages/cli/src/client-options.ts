/** The client name and version that the command line sends to brokers. */
import type { KafkaClientOptions } from '@millrace/client/io';
import { millraceVersion } from './version.ts';

export const clientOptions: KafkaClientOptions = {
  clientId: 'millrace-cli',
  softwareVersion: millraceVersion,
};
