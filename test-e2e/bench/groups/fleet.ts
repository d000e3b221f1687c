/**
 * The connections of the load generator, and the coordinators of its groups. Each broker has the same number
 * of lanes. The fleet finds the coordinator of a group again with FindCoordinator, as a client does.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { aliveBrokers } from '../../lib/wire.ts';
import { Lane } from './lane.ts';

/** What the fleet knows of a group. */
export interface Coordinated {
  readonly id: string;
  /** The id of the broker; undefined while the group looks for its coordinator. */
  coordinator: number | undefined;
  /** Called when the fleet has found the coordinator again. */
  found(): void;
}

const LOOKUP_VERSION = 4;
/** Pause between two lookups, as the retry backoff of clients. */
const LOOKUP_PAUSE_MS = 50;
const KEYS_PER_LOOKUP = 1000;

export class Fleet {
  readonly laneCount: number;
  readonly brokers: ReadonlyMap<number, { host: string; port: number }>;
  readonly #lanes = new Map<number, Lane[]>();
  readonly #killed = new Set<number>();
  #lost = new Set<Coordinated>();
  #looks = false;
  #isClosed = false;

  private constructor(brokers: ReadonlyMap<number, string>, laneCount: number) {
    this.laneCount = laneCount;
    this.brokers = new Map(
      [...brokers].map(([id, server]) => {
        const colon = server.lastIndexOf(':');
        return [id, { host: server.slice(0, colon), port: Number(server.slice(colon + 1)) }];
      }),
    );
  }

  static async connect(bootstrapServers: string, laneCount: number): Promise<Fleet> {
    return new Fleet(await aliveBrokers(bootstrapServers), laneCount);
  }

  /** The lane to the broker with this index; opens it again if it broke. Lane `laneCount` is for lookups. */
  lane(broker: number, index: number): Lane {
    const lanes = this.#lanes.get(broker) ?? [];
    this.#lanes.set(broker, lanes);
    const lane = lanes[index];
    if (lane !== undefined && !lane.isClosed) return lane;
    const opened = new Lane(this.brokers.get(broker)!);
    lanes[index] = opened;
    return opened;
  }

  /** Until `restarted`, the fleet asks this broker nothing, and ignores every answer that names it. */
  killed(broker: number): void {
    this.#killed.add(broker);
  }

  restarted(broker: number): void {
    this.#killed.delete(broker);
  }

  /**
   * Call it when the group has lost its coordinator. The fleet looks the coordinator up, and then calls
   * `group.found()`.
   */
  lose(group: Coordinated): void {
    group.coordinator = undefined;
    this.#lost.add(group);
    if (this.#looks) return;
    this.#looks = true;
    setTimeout(() => void this.#look(), 0);
  }

  /**
   * Asks brokers for the coordinators of these groups. The result lacks each group whose coordinator the
   * asked broker does not know.
   */
  async find(ids: readonly string[]): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (let at = 0; at < ids.length; at += KEYS_PER_LOOKUP)
      for (const [id, broker] of await this.#ask(ids.slice(at, at + KEYS_PER_LOOKUP))) found.set(id, broker);
    return found;
  }

  close(): void {
    this.#isClosed = true;
    for (const lanes of this.#lanes.values()) for (const lane of lanes) lane?.close();
  }

  async #look(): Promise<void> {
    while (this.#lost.size > 0 && !this.#isClosed) {
      const asked = [...this.#lost];
      const found = await this.find(asked.map(({ id }) => id));
      for (const group of asked) {
        const broker = found.get(group.id);
        if (broker === undefined) continue;
        this.#lost.delete(group);
        group.coordinator = broker;
        group.found();
      }
      await new Promise((done) => setTimeout(done, LOOKUP_PAUSE_MS));
    }
    this.#looks = false;
  }

  #ask(ids: readonly string[]): Promise<Map<string, number>> {
    const alive = [...this.brokers.keys()].filter((id) => !this.#killed.has(id));
    const lane = this.lane(alive[Math.floor(Math.random() * alive.length)]!, this.laneCount);
    return new Promise((resolve) => {
      lane.request(
        apis.findCoordinator,
        LOOKUP_VERSION,
        { keyType: 0, coordinatorKeys: [...ids] },
        (answer) => {
          const good = (answer?.coordinators ?? []).filter(
            ({ errorCode, nodeId }) => errorCode === ErrorCode.NONE && !this.#killed.has(nodeId),
          );
          resolve(new Map(good.map(({ key, nodeId }) => [key, nodeId])));
        },
      );
    });
  }
}
