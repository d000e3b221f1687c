/**
 * A logger that many bad clients cannot flood: of each event, it passes on at most `perSecond` lines a
 * second. The next line of the event that passes says how many lines were suppressed.
 */
import type { Clock, EventAt, EventWith, FactsAt, Millis } from '@millrace/base';

const WINDOW_MS = 1000;

/**
 * The levels that the logger limits, because many clients can cause many lines of these levels. Connections
 * log no errors.
 */
type QuietLevel = 'debug' | 'info' | 'warn';
/** The events whose lines may carry the number of suppressed lines, according to the table of events. */
type QuietEvent = EventWith<'suppressed'>;
type QuietEventAt<L extends QuietLevel> = EventAt<L> & QuietEvent;
/** The logger of connections. */
export type ConnectionLogger = {
  [L in QuietLevel]: <Name extends QuietEventAt<L>>(event: Name, facts: FactsAt[L][Name]) => void;
};

interface Window {
  startMs: Millis;
  passed: number;
  suppressed: number;
}

export class QuietLogger implements ConnectionLogger {
  private readonly windows = new Map<string, Window>();
  private readonly logger: ConnectionLogger;
  private readonly clock: Clock;
  private readonly perSecond: number;

  constructor(logger: ConnectionLogger, clock: Clock, perSecond: number) {
    this.logger = logger;
    this.clock = clock;
    this.perSecond = perSecond;
  }

  debug<Name extends QuietEventAt<'debug'>>(event: Name, facts: FactsAt['debug'][Name]): void {
    this.pass('debug', event, facts);
  }

  info<Name extends QuietEventAt<'info'>>(event: Name, facts: FactsAt['info'][Name]): void {
    this.pass('info', event, facts);
  }

  warn<Name extends QuietEventAt<'warn'>>(event: Name, facts: FactsAt['warn'][Name]): void {
    this.pass('warn', event, facts);
  }

  private pass<L extends QuietLevel, Name extends QuietEventAt<L>>(
    level: L,
    event: Name,
    facts: FactsAt[L][Name],
  ): void {
    const now = this.clock.monotonicMs();
    let window = this.windows.get(event);
    if (window === undefined) {
      window = { startMs: now, passed: 0, suppressed: 0 };
      this.windows.set(event, window);
    }
    if (now - window.startMs >= WINDOW_MS) {
      window.startMs = now;
      window.passed = 0;
    }
    if (window.passed >= this.perSecond) {
      window.suppressed++;
      return;
    }
    window.passed++;
    const { suppressed } = window;
    window.suppressed = 0;
    this.logger[level](event, suppressed === 0 ? facts : { ...facts, suppressed });
  }
}
