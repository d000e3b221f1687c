/** Defines `millrace produce` and `millrace consume`, with the common flags of kcat. */
import { type Command, Option } from 'commander';
import { bootstrapOption, collected, command, once, wholeNumber } from './options.ts';

const BOOTSTRAP = '-b localhost:9092';
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const COUNT_MAX = Number.MAX_SAFE_INTEGER;
const PARTITION_MAX = 1_000_000;

export function addProduce(program: Command): void {
  command(program, 'produce', 'Produces each line of the standard input, or of a file, as a record.')
    .argument('[topic]')
    .addOption(bootstrapOption())
    .option('-t, --topic <topic>', 'the topic, if no argument names it', once)
    .option(
      '-p, --partition <n>',
      "the partition; default: by the key's hash, as in Java; without a key one partition after the other",
      wholeNumber(0, PARTITION_MAX),
    )
    .option('-K, --key-delimiter <text>', 'a line is the key, this text and the value')
    .option('-k, --key <text>', 'the key of every record')
    .option('-H, --header <name=value>', 'a header of every record; may be given more than once', collected)
    .option('-D, --delimiter <text>', 'what separates records instead of a line feed')
    .option('-Z, --null', 'send an empty value as null, which in a compacted topic deletes the key')
    .option('-l, --file <file>', 'read this file instead of the standard input')
    .option('-c, --count <n>', 'end after this many records', wholeNumber(1, COUNT_MAX))
    .addOption(
      new Option('-z, --compression <codec>', 'how batches are compressed').choices(CODECS).default('none'),
    )
    .addOption(
      new Option('--acks <n>', 'wait for the whole ISR (all), for the leader alone (1), or for nobody (0)')
        .choices(['all', '-1', '1', '0'])
        .default('all'),
    )
    .option('-q, --quiet', 'print nothing at the end')
    .addHelpText(
      'after',
      `
With --acks all the producer is idempotent: a retry never makes a second record.

Example:
  millrace produce orders ${BOOTSTRAP} < orders.txt
  echo 'customer-7:3 apples' | millrace produce orders ${BOOTSTRAP} -K :
  millrace produce orders ${BOOTSTRAP} -k customer-7 -H source=shop -z zstd -l orders.txt`,
    )
    .action(async (topic, options) => (await import('../commands/produce.ts')).produce(topic, options));
}

export function addConsume(program: Command): void {
  command(
    program,
    'consume',
    'Prints the records of topics: of all partitions, of some, or of those that a group assigns.',
  )
    .argument('[topics...]')
    .addOption(bootstrapOption())
    .option('-t, --topic <topic>', 'a topic; may be given more than once', collected)
    .option('-p, --partition <n,…>', 'only these partitions; not with --group')
    .option('-G, --group <name>', 'consume as a member of this group, and commit offsets')
    .option(
      '-o, --offset <where>',
      'where to begin: beginning (default), end, N (this offset), -N (the last N records) or s@MS (this timestamp). -o e@MS sets the timestamp at which to end, alone or as a second -o. With --group only beginning and end are allowed, and they count only for partitions without a committed offset',
      collected,
    )
    .option('-c, --count <n>', 'end after this many records', wholeNumber(1, COUNT_MAX))
    .option('-e, --exit', 'end after the last record that each partition has at the start')
    .option('-f, --format <format>', 'how to print a record, see below; default %s\\n')
    .option('-K, --key-delimiter <text>', 'print the key and this text before the value')
    .option('-D, --delimiter <text>', 'print this text behind a record instead of a line feed')
    .option('-Z, --null', 'print a null key or value as NULL')
    .option('-q, --quiet', 'print only records, no notes on the standard error')
    .option('-J, --json', 'print each record as a JSON object')
    .addOption(
      new Option(
        '--group-protocol <protocol>',
        'classic (default), or consumer: the next generation (KIP-848)',
      ).choices(['classic', 'consumer']),
    )
    .addOption(
      new Option(
        '--assignor <name>',
        'classic: range (default), cooperative-sticky; consumer: uniform, range (default: the broker chooses)',
      ).choices(['range', 'cooperative-sticky', 'uniform']),
    )
    .option('--instance-id <id>', 'join the group as the static member with this id')
    .option('--no-commit', 'commit nothing; the group begins at the same offsets again')
    .addHelpText(
      'after',
      `
Format: %s value, %k key, %t topic, %p partition, %o offset, %T timestamp (ms), %h headers, %S and %K the lengths of
value and key in bytes (-1: null), %% a percent sign, \\n \\r \\t \\xHH.

A member of a group commits what it has printed: every 5 seconds, when it must give up partitions, and at the end. At
Ctrl-C the command commits, leaves the group and ends. With --instance-id the group keeps the member's
partitions until the member's session times out, because the member may come back.

Example:
  millrace consume orders ${BOOTSTRAP} -e
  millrace consume orders ${BOOTSTRAP} -o -10 -f '%p %o %k: %s\\n'
  millrace consume orders ${BOOTSTRAP} --group shop
  millrace consume '^orders-.*' ${BOOTSTRAP} --group shop --group-protocol consumer`,
    )
    .action(async (topics, options) => (await import('../commands/consume.ts')).consume(topics, options));
}
