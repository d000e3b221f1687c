import { describe, test } from 'vitest';
import { expectCodecs, isMissing, programRoundTrip, stagesOf, topicOf } from './round-trip.ts';

describe.skipIf(isMissing('java'))('the Java client', () => {
  test('the client reads back 100,000 equal records with every codec, lists all topics, and describes its own topic', async () => {
    const [topic, stages] = [topicOf('java-client'), stagesOf('gzip', 'snappy', 'lz4', 'zstd')];
    await programRoundTrip('java', ['RoundTrip'], topic, stages);
    await expectCodecs(topic, stages);
  });
});
