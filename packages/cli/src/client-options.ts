/** The name and version that the command line gives to brokers. */
import type { KafkaClientOptions } from '@millrace/client/io';
import { millraceVersion } from './version.ts';

export const clientOptions: KafkaClientOptions = {
  clientId: 'millrace-cli',
  softwareVersion: millraceVersion,
};
