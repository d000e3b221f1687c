import { join } from 'node:path';
import { describe, test } from 'vitest';
import { testRoot } from '../lib/paths.ts';
import { expectCodecs, isMissing, programRoundTrip, stagesOf, topicOf } from './round-trip.ts';

describe.skipIf(isMissing('confluent-kafka'))('confluent-kafka (librdkafka of today)', () => {
  test('the client reads back 100,000 equal records with every codec, lists all topics, and describes its own topic', async () => {
    const [topic, stages] = [topicOf('confluent-kafka'), stagesOf('gzip', 'snappy', 'lz4', 'zstd')];
    const program = join(testRoot, 'clients', 'python', 'round_trip.py');
    await programRoundTrip('confluent-kafka', [program], topic, stages);
    await expectCodecs(topic, stages);
  });
});
