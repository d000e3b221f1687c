/**
 * The connections (lanes) of the load generator, the same number to each broker, and the coordinators of its
 * groups. When a group has lost its coordinator, the fleet looks it up with FindCoordinator, as a client
 * does.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { aliveBrokers } from '../../lib/wire.ts';
import { Lane } from './lane.ts';

/** The part of a group that the fleet uses. */
export interface Coordinated {
  readonly id: string;
  /** The id of the broker that coordinates the group; undefined while the fleet looks the coordinator up. */
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

  /**
   * Returns the lane with this index to the broker. Opens the lane if it is not open yet, or if it broke. The
   * lane with the index `laneCount` is for lookups.
   */
  lane(broker: number, index: number): Lane {
    const lanes = this.#lanes.get(broker) ?? [];
    this.#lanes.set(broker, lanes);
    const lane = lanes[index];
    if (lane !== undefined && !lane.isClosed) return lane;
    const opened = new Lane(this.brokers.get(broker)!);
    lanes[index] = opened;
    return opened;
  }

  /**
   * Call it when the broker is killed. Until `restarted` is called, the fleet sends no lookup to this broker,
   * and ignores answers that name it as a coordinator.
   */
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
   * Asks brokers for the coordinators of these groups. If the asked broker does not know the coordinator of a
   * group, the result lacks this group.
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
