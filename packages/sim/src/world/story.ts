/**
 * The story of a run as data: faults, and what processes log, such as elections, fencing and ISR changes.
 * report/ turns it into text.
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
}
