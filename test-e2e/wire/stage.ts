/**
 * Prepares one of the two clusters (a side) for a case: creates the group that the case needs, and brings the
 * group into the right state. The ids of the group and of its member are known only then, because each case
 * gets its own group, and the coordinator generates the ids of members. So a request first has the markers
 * `{group}` and `{member}` instead of these ids, and `fillIn` replaces the markers.
 */
import type { KafkaClient } from '@millrace/client/io';
import { connect } from '../lib/wire.ts';
import type { Struct } from './raw.ts';
import { type SetUp, setUps } from './set-ups.ts';
import type { World } from './world.ts';

/** By the name of a marker: the text that replaces it. */
export type Values = Readonly<Record<string, string>>;

export class Stage {
  readonly #world: World;
  /** Part of the names of the groups, because each lane has groups of its own. */
  readonly #lane: string;
  readonly #clients: KafkaClient[] = [];
  readonly #shared = new Map<string, Promise<Values>>();
  #client: Promise<KafkaClient> | undefined;
  #groups = 0;

  constructor(world: World, lane: string) {
    this.#world = world;
    this.#lane = lane;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  /**
   * Makes the group for one case. If `sharedBy` is given, all cases with the same `sharedBy` and the same
   * set-up get the same group. Cases never share an unknown group (`fresh`), because one case may create the
   * group that the next case expects to be unknown.
   */
  async prepare(setUp: SetUp, sharedBy?: string): Promise<Values> {
    if (sharedBy === undefined || setUp === 'fresh') return await this.#make(setUp);
    const key = `${sharedBy} ${setUp}`;
    const made = this.#shared.get(key) ?? this.#make(setUp);
    this.#shared.set(key, made);
    return await made;
  }

  async #make(setUp: SetUp): Promise<Values> {
    const group = `${this.#world.prefix}-group-${this.#lane}-${this.#groups++}`;
    if (setUp === 'fresh') return { group };
    this.#client ??= this.#connect();
    const client = await this.#client;
    const more = await setUps[setUp]({ client, group, world: this.#world, connect: () => this.#connect() });
    return { group, ...more };
  }

  async #connect(): Promise<KafkaClient> {
    const client = await connect(this.#world.bootstrap);
    this.#clients.push(client);
    return client;
  }
}

export function fillIn(struct: Struct, values: Values): Struct {
  return filled(struct, values) as Struct;
}

function filled(value: unknown, values: Values): unknown {
  if (typeof value === 'string')
    return value.replace(/\{(\w+)\}/g, (marker, name: string) => values[name] ?? marker);
  if (Array.isArray(value)) return value.map((element) => filled(element, values));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  const copy: Record<string | symbol, unknown> = {};
  for (const key of Reflect.ownKeys(value)) copy[key] = filled((value as typeof copy)[key], values);
  return copy;
}
