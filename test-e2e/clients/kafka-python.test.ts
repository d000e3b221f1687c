/**
 * An old client: kafka-python of 2019, which treats the broker as Kafka 1.0 and uses the API versions of that
 * release.
 */
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { testRoot } from '../lib/paths.ts';
import {
  expectCodecs,
  isMissing,
  programRoundTrip,
  stagesOf,
  topicOf,
  withoutNullHeaders,
} from './round-trip.ts';

describe.skipIf(isMissing('kafka-python'))('kafka-python 1.4.7', () => {
  test('the client reads back 100,000 equal records with every codec it has, lists all topics, and describes its own topic', async () => {
    const [topic, stages] = [topicOf('kafka-python'), stagesOf('gzip', 'snappy', 'lz4', 'none')];
    const program = join(testRoot, 'clients', 'python', 'old_round_trip.py');
    await programRoundTrip('kafka-python', [program], topic, stages, { expected: withoutNullHeaders });
    await expectCodecs(topic, stages);
  });
});
