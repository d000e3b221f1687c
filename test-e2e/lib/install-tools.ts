/**
 * Installs every foreign client and Apache Kafka's jars. `npm test` starts this program beside its first
 * steps, so that the downloads are over when the end-to-end tests begin. Prints nothing and never fails: the
 * end-to-end tests take the same locks, and report what is missing.
 */
import { kafkaFolder, tool, toolNames } from './tools.ts';

await Promise.allSettled([...toolNames.map(tool), kafkaFolder()]);
