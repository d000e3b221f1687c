/**
 * Every event that a node logs, by part of the product. The types of Logger, the content of docs/logging.md,
 * and the sentences in the story of a simulated run come from this table. Two parts may log an event of the
 * same name with different facts.
 *
 * To add a log event:
 * 1. Add a row to a table in `parts/` (`replicas.ts` has those of partitions and logs, `broker.ts` those of
 *    clients and of the broker's session): name, level, names of the facts, and a sentence. An example:
 *
 *      'replica-deleted': {
 *        level: 'info',
 *        facts: ['topic', 'partition', 'topicId'],
 *        says: 'The broker deletes its replica of {topic}-{partition}.',
 *      },
 *
 *    A `?` after the name of a fact means that some log lines lack the fact. The sentence begins with an
 *    actor (`ACTORS` in `parts/definition.ts`).
 * 2. Log the event where it happens: `logger.info('replica-deleted', { topic, partition, topicId })`. The
 *    code compiles only with the event's level and facts. A test fails while no source logs the event.
 * 3. `node packages/node/src/io/generate-logging-docs.ts` writes `docs/logging.md`.
 */
import { clientEvents, sessionEvents } from './parts/broker.ts';
import { controllerEvents } from './parts/controller.ts';
import { coordinatorEvents } from './parts/coordinator.ts';
import type { EventDefinition, Level } from './parts/definition.ts';
import { groupEvents } from './parts/groups.ts';
import { nodeEvents } from './parts/node.ts';
import { quorumEvents } from './parts/quorum.ts';
import { logEvents, replicaEvents } from './parts/replicas.ts';

export { ACTORS, type EventDefinition, type Level } from './parts/definition.ts';

export const eventsTable = {
  node: nodeEvents,
  quorum: quorumEvents,
  controller: controllerEvents,
  session: sessionEvents,
  client: clientEvents,
  replica: replicaEvents,
  log: logEvents,
  coordinator: coordinatorEvents,
  group: groupEvents,
} as const satisfies Record<string, Record<string, EventDefinition>>;

type Table = typeof eventsTable;
export type EventPart = keyof Table;
type DefinitionsIn<Events> = Extract<Events[keyof Events], EventDefinition>;
type AnyDefinition = { [Part in EventPart]: DefinitionsIn<Table[Part]> }[EventPart];
export type EventName = { [Part in EventPart]: keyof Table[Part] }[EventPart];

type LevelsOf<Definition extends EventDefinition> = Definition['level'] extends readonly Level[]
  ? Definition['level'][number]
  : Definition['level'];
type NamesAt<Events, At extends Level> = {
  [Name in keyof Events]: Events[Name] extends EventDefinition
    ? At extends LevelsOf<Events[Name]>
      ? Name
      : never
    : never;
}[keyof Events];

type OptionalOf<Fact extends string> = Fact extends `${infer Name}?` ? Name : never;
type RequiredOf<Fact extends string> = Fact extends `${string}?` ? never : Fact;
type NameOf<Fact extends string> = OptionalOf<Fact> | RequiredOf<Fact>;
/** A fact of any event. */
export type FactName = NameOf<AnyDefinition['facts'][number]>;
/**
 * The facts of a log call. The last part of the type forbids facts of other events. Without this part, the
 * compiler would accept such facts in a spread (`{ ...facts }`).
 */
type Facts<Fact extends string> = { readonly [Name in RequiredOf<Fact>]: unknown } & {
  readonly [Name in OptionalOf<Fact>]?: unknown;
} & { readonly [Name in Exclude<FactName, NameOf<Fact>>]?: never };
type FactsIn<Events, Name, At extends Level> = Name extends keyof Events
  ? Events[Name] extends EventDefinition
    ? At extends LevelsOf<Events[Name]>
      ? Facts<Events[Name]['facts'][number]>
      : never
    : never
  : never;
/** The facts of each event, by level. */
export type FactsAt = {
  [At in Level]: {
    [Name in { [Part in EventPart]: NamesAt<Table[Part], At> }[EventPart]]: {
      [Part in EventPart]: FactsIn<Table[Part], Name, At>;
    }[EventPart];
  };
};
/** The events of a level. */
export type EventAt<At extends Level> = keyof FactsAt[At];

/**
 * Like FactsAt, but only for the events of one part of the product, and without the facts that a helper
 * function adds to each event.
 */
export type FactsWithout<Added extends FactName, Part extends EventPart> = {
  [At in Level]: {
    [Name in NamesAt<Table[Part], At>]: Table[Part][Name] extends EventDefinition
      ? Facts<Exclude<Table[Part][Name]['facts'][number], Added>>
      : never;
  };
};

/** The events whose table entry has this fact, required or optional. */
export type EventWith<Fact extends FactName> = {
  [Part in EventPart]: {
    [Name in keyof Table[Part]]: Table[Part][Name] extends EventDefinition
      ? Fact extends NameOf<Table[Part][Name]['facts'][number]>
        ? Name
        : never
      : never;
  }[keyof Table[Part]];
}[EventPart];

/** An event as data. A heart returns the event among its effects, and the caller logs the event. */
export type LogEntry<At extends Level = Level> = {
  [L in At]: { readonly level: L; readonly event: EventAt<L>; readonly facts: FactsAt[L][EventAt<L>] };
}[At];

export interface PartDefinition {
  readonly part: EventPart;
  readonly definition: EventDefinition;
}

/** The definitions of the events with each name, in the order of the table. */
const definitions: ReadonlyMap<string, readonly PartDefinition[]> = (() => {
  const byName = new Map<string, PartDefinition[]>();
  for (const [part, events] of Object.entries(eventsTable) as [EventPart, object][])
    for (const [name, definition] of Object.entries(events) as [string, EventDefinition][])
      byName.set(name, [...(byName.get(name) ?? []), { part, definition }]);
  return byName;
})();

/**
 * Finds the part that logs an event with this name and these facts. Returns the part and the definition of
 * the event. If two parts log events of the name, returns the first definition whose required facts are all
 * in `facts`. Undefined: no part logs such an event.
 */
export function definitionOf(
  name: string,
  facts: Readonly<Record<string, unknown>>,
): PartDefinition | undefined {
  return definitions
    .get(name)
    ?.find(({ definition }) =>
      definition.facts.every((fact) => fact.endsWith('?') || Object.hasOwn(facts, fact)),
    );
}
