/** The type of one row in the tables of log events. The other files of this folder are the tables. */

export type Level = 'debug' | 'info' | 'warn' | 'error';

/**
 * The actors. The sentence of an event begins with one of them. The story of a simulated run replaces the
 * actor by the node's name.
 */
export const ACTORS = [
  'The active controller',
  'The broker',
  'The controller',
  'The follower',
  'The leader',
  'The node',
  'The voter',
] as const;
type Actor = (typeof ACTORS)[number];

export interface EventDefinition {
  /** The level of the event. If this is a list, the level depends on the facts. */
  readonly level: Level | readonly Level[];
  /** Names of the event's facts. A fact with a question mark may be missing. */
  readonly facts: readonly string[];
  /** One sentence in the present tense. `{fact}` stands for the value of the fact with this name. */
  readonly says: `${Actor} ${string}.`;
}
