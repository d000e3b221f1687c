import { describe, test } from 'vitest';
import { expectCodecs, isMissing, programRoundTrip, stagesOf, topicOf } from './round-trip.ts';

describe.skipIf(isMissing('franz-go'))('franz-go', () => {
  test('100,000 records come back equal, with every compression; all topics are listed, its own described', async () => {
    const [topic, stages] = [topicOf('franz-go'), stagesOf('gzip', 'snappy', 'lz4', 'zstd')];
    await programRoundTrip('franz-go', [], topic, stages);
    await expectCodecs(topic, stages);
  });
});
