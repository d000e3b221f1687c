/**
 * Logger over pino: one JSON object a line with `event`, a stable name, and its facts; coloured text on a
 * terminal (pino-pretty is loaded only then). No worker threads: lines are written by this process, in order.
 */
import type { Logger } from '@millrace/base';
import {
  type DestinationStream,
  type Logger as PinoLogger,
  pino,
  stdSerializers,
  stdTimeFunctions,
} from 'pino';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: 'auto' | 'json' | 'pretty';
  readonly nodeId: number;
  /** For tests; default: what `fd` names. */
  readonly destination?: DestinationStream;
  /** Default: 1, standard output. */
  readonly fd?: number;
}

export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const pretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY);
  const logger = pino(
    {
      level: options.level,
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
 * Lines that could not be written are kept up to this much and written when there is room again; what is more
 * is dropped.
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

/** Synchronous: a line that was logged has left before the next statement, also before a crash. */
function output(fd = 1): DestinationStream {
  const destination = pino.destination({ fd, sync: true, maxLength: UNWRITTEN_BYTES_MAX });
  // A full disk, a terminal that was closed: no reason to end a node that can go on without its log.
  destination.on('error', () => {});
  return destination;
}

class NodeLogger implements Logger {
  readonly #pino: PinoLogger;

  constructor(logger: PinoLogger) {
    this.#pino = logger;
  }

  debug(event: string, facts?: Record<string, unknown>): void {
    this.#pino.debug(facts ?? {}, event);
  }

  info(event: string, facts?: Record<string, unknown>): void {
    this.#pino.info(facts ?? {}, event);
  }

  warn(event: string, facts?: Record<string, unknown>): void {
    this.#pino.warn(facts ?? {}, event);
  }

  error(event: string, facts?: Record<string, unknown>): void {
    this.#pino.error(facts ?? {}, event);
  }

  child(facts: Record<string, unknown>): Logger {
    return new NodeLogger(this.#pino.child(facts));
  }
}
