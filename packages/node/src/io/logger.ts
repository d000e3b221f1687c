/**
 * Logger over pino. Each line is one JSON object: `event`, which is a stable name (docs/logging.md), and the
 * facts of this event. With the format `pretty`, or `auto` on a terminal, the logger writes coloured text
 * instead, and only then loads pino-pretty. It uses no worker threads: this process writes the lines, in
 * order.
 */
import type { EventName, Logger } from '@millrace/base';
import {
  type DestinationStream,
  type Logger as PinoLogger,
  pino,
  stdSerializers,
  stdTimeFunctions,
} from 'pino';

export interface LoggerOptions {
  readonly format: 'auto' | 'json' | 'pretty';
  readonly nodeId: number;
  /** For tests; default: the file descriptor `fd`. */
  readonly destination?: DestinationStream;
  /** The file descriptor. Default: 1, standard output. */
  readonly fd?: number;
}

/**
 * The logger writes the events of every level. Its owner puts it into a LeveledLogger, which leaves out the
 * events below the present level.
 */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const pretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY);
  const logger = pino(
    {
      level: 'debug',
      base: { node: options.nodeId },
      messageKey: 'event',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: {
        error: (value: unknown) => (value instanceof Error ? stdSerializers.err(value) : value),
      },
    },
    await openDestination(options, pretty),
  );
  return new NodeLogger(logger);
}

/**
 * The limit for lines that the logger could not write, in bytes. The logger keeps these lines, and writes
 * them when there is room again. It drops lines beyond the limit.
 */
const UNWRITTEN_BYTES_MAX = 1 << 20;

async function openDestination(options: LoggerOptions, pretty: boolean): Promise<DestinationStream> {
  if (pretty) {
    const { default: prettyStream } = await import('pino-pretty');
    return prettyStream({
      sync: true,
      messageKey: 'event',
      translateTime: 'SYS:HH:MM:ss.l',
      singleLine: true,
      ...(options.destination === undefined
        ? { destination: output(options.fd) as unknown as NodeJS.WritableStream }
        : { destination: options.destination as NodeJS.WritableStream }),
    });
  }
  return options.destination ?? output(options.fd);
}

/**
 * Synchronous: the process tries to write a line before its next statement. So a crash rarely loses a line.
 */
function output(fd = 1): DestinationStream {
  const destination = pino.destination({ fd, sync: true, maxLength: UNWRITTEN_BYTES_MAX });
  // Ignore the error: a node can work without its log when the disk is full or the terminal is closed.
  destination.on('error', () => {});
  return destination;
}

class NodeLogger implements Logger {
  readonly #pino: PinoLogger;

  constructor(logger: PinoLogger) {
    this.#pino = logger;
  }

  debug(event: EventName, facts: Record<string, unknown>): void {
    this.#pino.debug(facts, event);
  }

  info(event: EventName, facts: Record<string, unknown>): void {
    this.#pino.info(facts, event);
  }

  warn(event: EventName, facts: Record<string, unknown>): void {
    this.#pino.warn(facts, event);
  }

  error(event: EventName, facts: Record<string, unknown>): void {
    this.#pino.error(facts, event);
  }

  child(facts: Record<string, unknown>): Logger {
    return new NodeLogger(this.#pino.child(facts));
  }
}
