/**
 * The levels of a node's loggers. They decide which events the node writes. Each part of the table of events
 * has a logger with the name of the part. A logger without a level of its own has the level of the logger
 * `root`. A change of a level acts at once, and lasts until the node stops.
 */
import { definitionOf, type EventPart, eventsTable, type Level } from './log-events/table.ts';

/**
 * Kafka's names of levels, the most severe first. A logger writes the events of its own level and of more
 * severe levels.
 */
export const LOG_LEVELS = ['OFF', 'FATAL', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const ROOT_LOGGER = 'root';
export type LoggerName = typeof ROOT_LOGGER | EventPart;

/** Every logger of a node. */
export const loggerNames: readonly LoggerName[] = [
  ROOT_LOGGER,
  ...(Object.keys(eventsTable) as EventPart[]).sort(),
];

/** No event has the level FATAL or TRACE. */
const EVENT_LEVELS: Readonly<Record<Level, LogLevel>> = {
  error: 'ERROR',
  warn: 'WARN',
  info: 'INFO',
  debug: 'DEBUG',
};

export class LogLevels {
  private root: LogLevel;
  private readonly own = new Map<EventPart, LogLevel>();

  constructor(root: LogLevel) {
    this.root = root;
  }

  /** The level of the logger: its own, or that of `root`. */
  of(name: LoggerName): LogLevel {
    return (name === ROOT_LOGGER ? undefined : this.own.get(name)) ?? this.root;
  }

  set(name: LoggerName, level: LogLevel): void {
    if (name === ROOT_LOGGER) this.root = level;
    else this.own.set(name, level);
  }

  /** From now on the logger has the level of `root`. */
  unset(name: EventPart): void {
    this.own.delete(name);
  }

  /** Whether the node writes the event. */
  allows(level: Level, event: string, facts: Readonly<Record<string, unknown>>): boolean {
    const limit = this.of(definitionOf(event, facts)?.part ?? ROOT_LOGGER);
    return LOG_LEVELS.indexOf(EVENT_LEVELS[level]) <= LOG_LEVELS.indexOf(limit);
  }
}
