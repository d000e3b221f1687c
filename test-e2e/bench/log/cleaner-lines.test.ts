/** Reads the time of a cleaning from the log of Millrace and of Apache Kafka. */
import { expect, test } from 'vitest';
import { kafkaCleaning, millraceCleaning } from './cleaner-lines.ts';

function kafkaLog(begin: string, end: string, seconds: string): string {
  return `${begin} INFO Cleaner Cleaner 0: Beginning cleaning of log other-0
${begin} INFO Cleaner Cleaner 0: Beginning cleaning of log dirty-0
${begin} INFO Cleaner Cleaner 0: Building offset map for dirty-0...
${end} INFO LogCleaner [kafka-log-cleaner-thread-0]:
\tLog cleaner thread 0 cleaned log dirty-0 (dirty section = [0, 90])
\t112.0 MB of log processed in ${seconds} seconds (140.0 MB/sec).
\tIndexed 112.0 MB in 0.2 seconds (560.0 Mb/sec, 25.0% of total time)
`;
}

test('the time of a cleaning in Kafka log lines, also over midnight', () => {
  expect(kafkaCleaning(kafkaLog('10:59:59.500', '11:00:00.337', '0.8'), 'dirty')).toBe(837);
  expect(kafkaCleaning(kafkaLog('23:59:59.900', '00:00:01.000', '1.1'), 'dirty')).toBe(1100);
  const isRunning = kafkaLog('10:59:59.500', '11:00:00.337', '0.8').split('11:')[0]!;
  expect(kafkaCleaning(isRunning, 'dirty')).toBeUndefined();
  expect(kafkaCleaning('', 'dirty')).toBeUndefined();
});

test('lines that contradict the report of Kafka are an error', () => {
  expect(() => kafkaCleaning(kafkaLog('10:59:59.500', '11:00:00.337', '0.4'), 'dirty')).toThrow('837 ms');
});

test('the time of a cleaning in the events of Millrace', () => {
  const event = (topic: string, durationMs: number) =>
    JSON.stringify({ event: 'log-cleaned', topic, durationMs });
  const text = ['no event', event('other', 1), event('dirty', 2), event('dirty', 3)].join('\n');
  expect(millraceCleaning(text, 'dirty')).toBe(2);
  expect(millraceCleaning(text, 'none')).toBeUndefined();
});
