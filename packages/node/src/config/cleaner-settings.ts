/** The settings of the log cleaner, as rows of the table of settings (table.ts). */
import { setting, topicSetting } from './definition.ts';
import { boolean, double, int, list, long, oneOf } from './types.ts';

/** Java's Double.MAX_VALUE, which Kafka's documents use for "no limit". */
const DOUBLE_MAX_TEXT = '1.7976931348623157E308';

export const cleanerSettings = {
  'log.cleanup.policy': topicSetting(
    'cleanup.policy',
    list(oneOf('compact', 'delete')),
    'How the broker removes old records: `delete` removes old segments by time and size, `compact` keeps the latest record of each key. A topic may have both policies.',
  ),
  'log.cleaner.enable': setting(
    'Topics',
    boolean,
    'true',
    'Whether the broker compacts logs. With `false`, the logs of compacted topics grow without a limit. The topic of committed offsets is one of them. The setting is deprecated, as in Kafka.',
  ),
  'log.cleaner.threads': setting(
    'Topics',
    int(0),
    '1',
    'How many logs the broker compacts at the same time. Worker threads compare the records. With 0 the broker compacts no logs. AlterConfigs can set only a value of at least 1, between half of the present value and twice the present value.',
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
    'Largest memory for the keys of all running cleanings together, in bytes. A key takes 24 bytes. One cleaning uses at most 2147483647 bytes. If a log has more keys than fit, a cleaning compacts only a part of the log, and the next cleaning continues there.',
    { dynamic: true },
  ),
  'log.cleaner.io.buffer.size': setting(
    'Topics',
    int(0),
    '524288',
    'How many bytes all running cleanings together read at a time. If a batch is larger, the broker still reads the whole batch.',
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
    'When the broker finds no log to compact, it waits this long before it looks again. After an error that may pass, the broker waits this long before it compacts the same log again.',
    { dynamic: true },
  ),
  'log.cleaner.min.cleanable.ratio': topicSetting(
    'min.cleanable.dirty.ratio',
    double({ min: 0, max: 1 }),
    'The broker compacts a log when the share of bytes that were never compacted is larger than this.',
  ),
  'log.cleaner.min.compaction.lag.ms': topicSetting(
    'min.compaction.lag.ms',
    long(0),
    'The broker does not compact a segment with a record that is younger than this.',
  ),
  'log.cleaner.max.compaction.lag.ms': topicSetting(
    'max.compaction.lag.ms',
    long(1),
    'If a log has an uncompacted record that is older than this, the broker compacts the log, whatever `log.cleaner.min.cleanable.ratio` says. The log of a compacted topic also rolls a segment when its records span more time than this.',
  ),
  'log.cleaner.delete.retention.ms': topicSetting(
    'delete.retention.ms',
    long(0),
    'How long a compacted log keeps the marker of a deleted key (a record without a value) after the first compaction of the marker. A consumer that reads the whole log in less time than this learns of each deletion.',
  ),
};
