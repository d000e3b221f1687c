import { expect, test } from 'vitest';
import { parsePerfOutput } from './perf-test.ts';

test('parses the last line of the perf tool', () => {
  const output = `15001 records sent, 3000.2 records/sec (2.93 MB/sec), 900.1 ms avg latency, 1000.0 ms max latency.
50000 records sent, 24703.6 records/sec (24.12 MB/sec), 812.40 ms avg latency, 1290.00 ms max latency, 851 ms 50th, 1203 ms 95th, 1271 ms 99th, 1288 ms 99.9th.
`;
  const expected = {
    recordsPerS: 24703.6,
    megabytesPerS: 24.12,
    averageMs: 812.4,
    p50Ms: 851,
    p95Ms: 1203,
    p99Ms: 1271,
  };
  expect(parsePerfOutput(output)).toEqual(expected);
  expect(() => parsePerfOutput('org.apache.kafka.common.errors.TimeoutException')).toThrow(
    /TimeoutException/,
  );
});
