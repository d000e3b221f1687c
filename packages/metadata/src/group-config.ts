/**
 * The configs of groups of the consumer protocol (KIP-848), with the names of Kafka 4.3. A group that does
 * not set a config has the value of a broker property. Two more properties of the broker bound the values
 * that a group may set.
 */
export interface GroupConfigDefinition {
  readonly name: string;
  readonly type: 'int';
  /** The broker property that supplies the value of groups that do not set this config. */
  readonly serverProperty: string;
  readonly minProperty: string;
  readonly maxProperty: string;
  readonly documentation: string;
}

function define(setting: string, documentation: string): GroupConfigDefinition {
  return {
    name: `consumer.${setting}`,
    type: 'int',
    serverProperty: `group.consumer.${setting}`,
    minProperty: `group.consumer.min.${setting}`,
    maxProperty: `group.consumer.max.${setting}`,
    documentation,
  };
}

/** The configs of groups, sorted by name. */
export const groupConfigDefinitions: readonly GroupConfigDefinition[] = [
  define('assignment.interval.ms', 'The shortest time between two assignments of the group.'),
  define('heartbeat.interval.ms', 'The interval that the coordinator tells the members of the group.'),
  define('session.timeout.ms', 'The coordinator removes a member when no heartbeat arrives for this long.'),
];
