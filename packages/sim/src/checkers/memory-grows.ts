/**
 * A process parks, holds and remembers objects for requests. None of these objects outlives its request. The
 * checker counts the objects of each kind (`holdings`) in a peace: a time in which all replicas are in sync
 * and no new fault has come. Clients may work in a peace. At some moment of a peace, each count is at most
 * its bound. The bound is zero for work that ends soon. Other bounds grow with the number of connections,
 * nodes or replicas. A count that stays above its bound for the whole peace counts as a leak.
 *
 * A run may have several peaces: each begins with `in-sync` and ends with the next fault or with the run.
 */
import type { BrokerHoldings } from '@millrace/node/roles';
import type { SimNode } from '../cluster/index.ts';
import { type Life, MILLISECOND, type Micros, SECOND } from '../world/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'memory-grows';
const LOOK_US: Micros = 50 * MILLISECOND;
/** A peace with fewer looks proves nothing. */
const LOOKS_MIN = 20;
/** The most bytes that one connection at rest holds: the frame and the decoded request of a parked fetch. */
const CONNECTION_BYTES = 64 << 10;
/**
 * The most parked acknowledgements of one connection: it has a few Produce requests open, each with a few
 * partitions.
 */
const PRODUCES_MAX = 10;
/**
 * A classic group keeps a new member id for one session timeout, at most 3 s in a run, also if its client has
 * crashed. So a shorter peace proves nothing about member ids.
 */
const MEMBER_ID_US: Micros = 4 * SECOND;
/** A broker's deadlines that belong to no fetch and no replica: lag check, checkpoints, watches, retries. */
const OWN_DEADLINES = 16;

export const memoryGrows: StateCheckerKind = {
  name: NAME,
  sentence:
    'a process keeps several kinds of objects for requests; in peace the number of objects of each kind falls to the limit of this kind',
  make: (scope) => new MemoryGrows(scope),
};

interface Held {
  readonly count: number;
  readonly bound: number;
  /** In a shorter peace the count may stay above its bound without a leak. */
  readonly peaceUs: Micros;
}

/**
 * Notes how many objects of the kind `name` a process holds, and how many it may hold (`bound`). `peaceUs`:
 * see `Held`; default: 0.
 */
type Note = (name: string, count: number, bound: number, peaceUs?: Micros) => void;

interface Seen {
  readonly life: Life;
  readonly sinceUs: Micros;
  looks: number;
  lookedUs: Micros;
  /** Whether some count exceeded its bound at every look so far. */
  isAbove: boolean;
  /**
   * By kind of objects: the count and the bound at the look at which the count was lowest relative to the
   * bound.
   */
  readonly best: Map<string, Held>;
}

class MemoryGrows {
  private readonly scope: StateScope;
  private isPeace = false;
  private readLines = 0;
  private readonly seen = new Map<SimNode, Seen>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  /**
   * Looks at one turn every 50 ms. While some count has exceeded its bound at every look so far, looks at
   * every turn. Otherwise the looks at a quiet controller could all fall on turns in which it has just parked
   * a request, and none on a turn in which it answers one.
   */
  turn(node: SimNode): void {
    this.readStory();
    if (!this.isPeace || node.life === undefined || node.roles === undefined) return;
    const { nowUs } = this.scope.world;
    let seen = this.seen.get(node);
    if (seen?.life !== node.life) {
      seen = { life: node.life, sinceUs: nowUs, looks: 0, lookedUs: nowUs, isAbove: false, best: new Map() };
      this.seen.set(node, seen);
    }
    if (nowUs >= seen.lookedUs + LOOK_US) {
      seen.lookedUs = nowUs;
      seen.looks++;
    } else if (!seen.isAbove) return;
    const { best } = seen;
    this.noteAll(node, (name, count, bound, peaceUs = 0) => {
      const known = best.get(name);
      if (known === undefined || count - bound < known.count - known.bound)
        best.set(name, { count, bound, peaceUs });
    });
    seen.isAbove = false;
    for (const { count, bound } of best.values()) if (count > bound) seen.isAbove = true;
  }

  finish(): void {
    this.peaceEnds();
  }

  private readStory(): void {
    const { lines } = this.scope.world.story;
    for (; this.readLines < lines.length; this.readLines++) {
      const { event } = lines[this.readLines]!;
      if (event === 'in-sync') this.isPeace = true;
      else if (event.startsWith('fault ')) this.peaceEnds();
    }
  }

  private peaceEnds(): void {
    this.isPeace = false;
    for (const [node, { sinceUs, lookedUs, looks, best }] of this.seen) {
      if (looks < LOOKS_MIN) continue;
      for (const [name, { count, bound, peaceUs }] of best)
        if (count > bound && lookedUs - sinceUs >= peaceUs)
          this.scope.world.fail(
            NAME,
            `${node.name} holds ${count} ${name} in peace, and never fewer than ${bound + 1}`,
          );
    }
    this.seen.clear();
  }

  private noteAll({ roles }: SimNode, note: Note): void {
    const { broker, controller } = roles!;
    if (broker !== undefined) noteBroker(broker.holdings(), broker.replicas.partitions().length, note);
    if (controller === undefined) return;
    note('parked requests of the controller', controller.controller.parkedCount, 0);
    note('unconfirmed heartbeats', controller.controller.unconfirmedCount, 0);
    // Each node fetches the metadata log, and may have one other request open.
    note('open quorum requests', controller.quorum?.openRequests ?? 0, 2 * this.scope.cluster.nodes.length);
  }
}

function noteBroker(holdings: BrokerHoldings, replicas: number, note: Note): void {
  const { connections, parkedFetches } = holdings;
  // A client sends its next fetch on a connection only after the answer to the last one.
  note('parked fetches', parkedFetches, connections);
  note('waiters of one partition', holdings.fetchWaiters, connections);
  note('parked acknowledgements', holdings.parkedAcks, connections * PRODUCES_MAX);
  note('parked deletions of records', holdings.parkedDeletions, 0);
  // A connection has one job at a time. With acks=0 the job may outlive the connection.
  note('requests that wait for a job', holdings.awaitingJobs, connections);
  note('leaderships that wait for a lease', holdings.awaitingLease, 0);
  note('ISR changes that wait', holdings.isrChanges, 0);
  note('calls to the controller', holdings.controllerCalls, 0);
  note('deletions of records that wait', holdings.waitingDeletions, 0);
  note('group answers that wait', holdings.groupAnswers, 0);
  note('group calls that wait', holdings.parkedGroupCalls, 0);
  note('member ids without a member', holdings.pendingMembers, 0, MEMBER_ID_US);
  // Each member has a connection to the coordinator.
  note('members of groups', holdings.groupMembers, connections);
  note('bytes of requests', holdings.requestBytes, connections * CONNECTION_BYTES);
  // The files of each removed segment wait for `file.delete.delay.ms`.
  const deadlines = OWN_DEADLINES + parkedFetches + 2 * replicas + holdings.removedSegments;
  note('deadlines', holdings.deadlines, deadlines);
}
