/** The settings of the log cleaner, as rows of the table of settings (table.ts). */
import { setting, topicSetting } from './definition.ts';
import { boolean, double, int, list, long, oneOf } from './types.ts';

/** Java's Double.MAX_VALUE, which Kafka's documents use for "no limit". */
const DOUBLE_MAX_TEXT = '1.7976931348623157E308';

export const cleanerSettings = {
  'log.cleanup.policy': topicSetting(
    'cleanup.policy',
    list(oneOf('compact', 'delete')),
    'How the broker removes old records: `delete` removes old segments by time and size, `compact` keeps the latest record of each key. Both may be set.',
  ),
  'log.cleaner.enable': setting(
    'Topics',
    boolean,
    'true',
    'Whether the broker compacts logs. With `false` the logs of compacted topics grow without a limit, also those of committed offsets. The setting is deprecated, as in Kafka.',
  ),
  'log.cleaner.threads': setting(
    'Topics',
    int(0),
    '1',
    'How many logs the broker compacts at a time. Records are compared on worker threads. With 0 the broker compacts none. AlterConfigs allows at least 1, and from half of the present value to its double.',
    { dynamic: true },
  ),
  'log.cleaner.io.max.bytes.per.second': setting(
    'Topics',
    double({ above: 0 }),
    DOUBLE_MAX_TEXT,
    'Limit for the bytes that all cleanings of a broker together read and write in a second, on average.',
    { dynamic: true },
  ),
  'log.cleaner.dedupe.buffer.size': setting(
    'Topics',
    long(1),
    '134217728',
    'Largest memory for the keys of all cleanings together, in bytes. A key takes 24 bytes. A cleaning with more keys than fit cleans only a part of the log; the next one continues there.',
    { dynamic: true },
  ),
  'log.cleaner.io.buffer.size': setting(
    'Topics',
    int(0),
    '524288',
    'How many bytes all cleanings together read at a time. If a batch is larger, the broker still reads the whole batch.',
    { dynamic: true },
  ),
  'log.cleaner.io.buffer.load.factor': setting(
    'Topics',
    double({ above: 0, max: 1 }),
    '0.9',
    'The share of `log.cleaner.dedupe.buffer.size` that keys may fill.',
    { dynamic: true },
  ),
  'log.cleaner.backoff.ms': setting(
    'Topics',
    long(0),
    '15000',
    'How long the broker waits before it looks for logs to compact again, after it found none. It waits as long before it retries a log after an error that may pass.',
    { dynamic: true },
  ),
  'log.cleaner.min.cleanable.ratio': topicSetting(
    'min.cleanable.dirty.ratio',
    double({ min: 0, max: 1 }),
    'The broker compacts a log when a larger share of its bytes than this was never compacted.',
  ),
  'log.cleaner.min.compaction.lag.ms': topicSetting(
    'min.compaction.lag.ms',
    long(0),
    'The broker does not compact a segment with a record that is younger than this.',
  ),
  'log.cleaner.max.compaction.lag.ms': topicSetting(
    'max.compaction.lag.ms',
    long(1),
    'The broker compacts a log with an uncompacted record that is older than this, whatever `log.cleaner.min.cleanable.ratio` says. The log of a compacted topic rolls a segment that spans more time than this.',
  ),
  'log.cleaner.delete.retention.ms': topicSetting(
    'delete.retention.ms',
    long(0),
    'How long a compacted log keeps the marker of a deleted key (a record without a value) after the first compaction of the marker. A consumer that reads the whole log in less time learns of each deletion.',
  ),
};
