import { join } from 'node:path';
import { describe, test } from 'vitest';
import { testRoot } from '../lib/paths.ts';
import { expectCodecs, isMissing, programRoundTrip, stagesOf, topicOf } from './round-trip.ts';

describe.skipIf(isMissing('confluent-kafka'))('confluent-kafka (librdkafka of today)', () => {
  test('100,000 records come back equal, with every compression; all topics are listed, its own described', async () => {
    const [topic, stages] = [topicOf('confluent-kafka'), stagesOf('gzip', 'snappy', 'lz4', 'zstd')];
    const program = join(testRoot, 'clients', 'python', 'round_trip.py');
    await programRoundTrip('confluent-kafka', [program], topic, stages);
    await expectCodecs(topic, stages, { isLibrdkafka: true });
  });
});
