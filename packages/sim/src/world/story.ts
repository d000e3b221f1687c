/**
 * What happened, for people to read: faults, elections, fencing, ISR changes, acknowledgements. Kept as data and made
 * into text only when somebody asks.
 */
import type { Micros } from './world.ts';

export interface StoryLine {
  readonly atUs: Micros;
  /** A host (`b4`), or `world`. */
  readonly who: string;
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>> | undefined;
}

export class Story {
  readonly lines: StoryLine[] = [];

  tell(atUs: Micros, who: string, event: string, facts?: Readonly<Record<string, unknown>>): void {
    this.lines.push({ atUs, who, event, facts });
  }

  /** One line each: seconds, who, event, facts. */
  text(lines: readonly StoryLine[] = this.lines): string {
    return lines.map(textOf).join('\n');
  }
}

function textOf({ atUs, who, event, facts }: StoryLine): string {
  const seconds = (atUs / 1e6).toFixed(6).padStart(10);
  const said = Object.entries(facts ?? {}).map(([key, value]) => `${key}=${valueText(value)}`);
  return [seconds, who.padEnd(5), event, ...said].join(' ');
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:>-]+$/.test(value) ? value : JSON.stringify(value);
  return value instanceof Error ? JSON.stringify(value.message) : (JSON.stringify(value) ?? String(value));
}
