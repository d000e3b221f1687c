import { describe, test } from 'vitest';
import { expectCodecs, isMissing, programRoundTrip, stagesOf, topicOf } from './round-trip.ts';

describe.skipIf(isMissing('java'))('the Java client', () => {
  test('100,000 records come back equal, with every compression; all topics are listed, its own described', async () => {
    const [topic, stages] = [topicOf('java-client'), stagesOf('gzip', 'snappy', 'lz4', 'zstd')];
    await programRoundTrip('java', ['RoundTrip'], topic, stages);
    await expectCodecs(topic, stages);
  });
});
