/**
 * The network or a proxy delays, breaks or cancels single connections and calls. Other connections of the
 * same machines work: a node may open several connections to another machine. A connection belongs to the
 * machine that opened it.
 */
import type { Millis } from '@millrace/base';
import { controlCalls } from '@millrace/control';
import { raftMethods } from '@millrace/raft';
import type { Connection } from '../net/index.ts';
import { MILLISECOND } from '../world/index.ts';
import {
  endAfter,
  endOf,
  type FaultContext,
  type FaultKind,
  fault,
  lasting,
  later,
  seconds,
} from './fault.ts';
import { everybody, nodesAmong } from './links.ts';
import { choice, chosen, duration, oneOf, whole } from './parameter.ts';

/** Time between two changes of the delays. */
const REDRAW_US = 50 * MILLISECOND;
/** The connections begin to stall within this time after the fault strikes. */
const BREAKS_MS: Millis = 4_000;

export const connectionFaults: readonly FaultKind[] = [
  fault({
    name: 'stall-connection',
    sentence:
      'one connection of a machine brings no bytes for a while; the other connections of the machine work',
    parameters: {
      machine: choice(),
      connection: choice(),
      direction: oneOf('answers', 'requests', 'both', 'requests'),
      lastsMs: duration(),
    },
    strike(context, { machine, connection, direction, lastsMs }) {
      const name = chosen(everybody(context), machine)!;
      const one = chosen(context.network.openedBy(name), connection);
      if (one === undefined) return undefined;
      const { requests, answers } = one;
      one.stall(...{ requests: [requests], answers: [answers], both: [requests, answers] }[direction]);
      const lastsUs = endAfter(context, lastsMs, () => one.flow());
      const ends = one.ends.map(({ life }) => life.host.name);
      const says = `${direction} of ${ends.join(' to ')}, for ${seconds(lastsUs)}`;
      return { says, touches: nodesAmong(context, ends), lastsUs };
    },
  }),
  fault({
    name: 'late-requests',
    sentence:
      'connections of a machine break for that machine; the servers get the last requests on them late, after the retries',
    parameters: {
      machine: choice(),
      times: whole(1, 12),
      gatherMs: duration(500),
      lateMs: duration(3_000),
    },
    strike(context, { machine, times, gatherMs, lateMs }) {
      const name = chosen(everybody(context), machine)!;
      const { random, network } = context;
      for (let time = 0; time < times; time++) {
        later(context, random.below(BREAKS_MS * MILLISECOND), () => {
          const one = chosen(network.openedBy(name), random.u32());
          if (one !== undefined) breakLate(context, one, { late: 'request', gatherMs, lateMs });
        });
      }
      const lastsUs = lasting(context, BREAKS_MS + gatherMs + lateMs);
      const says = `${name}, ${times} times, after ${gatherMs} ms, by ${lateMs} ms, for ${seconds(lastsUs)}`;
      return { says, touches: nodesAmong(context, [name]), lastsUs };
    },
  }),
  fault({
    name: 'late-calls',
    sentence:
      'the connections of the next calls of a method break; either the server gets the calls late, after the retries, or only the answers are lost',
    parameters: {
      method: oneOf(
        controlCalls.forward.name,
        controlCalls.allocateProducerIds.name,
        raftMethods.vote,
        controlCalls.alterPartition.name,
        controlCalls.alterPartition.name,
      ),
      late: oneOf('answer', 'request', 'request'),
      times: whole(1, 6),
      gatherMs: duration(300),
      lateMs: duration(3_500),
    },
    strike(context, { method, late, times, gatherMs, lateMs }) {
      const { awaitedCalls } = context.network;
      const leaves = (one: Connection) => breakLate(context, one, { late, gatherMs, lateMs });
      for (let time = 0; time < times; time++)
        awaitedCalls.next({ method, untilUs: context.untilUs, leaves });
      const lastsUs = lasting(context, Number.POSITIVE_INFINITY);
      const delays = `after ${gatherMs} ms, by ${lateMs} ms, for ${seconds(lastsUs)}`;
      return {
        says: `${late} of ${method}, ${times} times, ${delays}`,
        touches: context.cluster.nodes,
        lastsUs,
      };
    },
  }),
  fault({
    name: 'reorder-connections',
    sentence:
      'each connection of a machine has a changing delay of its own, so requests of different connections arrive in another order',
    parameters: { machine: choice(), delayMs: whole(1, 400), lastsMs: duration() },
    strike(context, { machine, delayMs, lastsMs }) {
      const name = chosen(everybody(context), machine)!;
      const { network, world } = context;
      if (network.openedBy(name).length === 0) return undefined;
      let isOver = false;
      const redraw = () => {
        if (!isOver) world.after(REDRAW_US, redraw);
        for (const one of network.openedBy(name)) one.delay(...drawnDelays(context, isOver ? 0 : delayMs));
      };
      redraw();
      const lastsUs = endAfter(context, lastsMs, () => {
        isOver = true;
      });
      const says = `${name}, up to ${delayMs} ms, for ${seconds(lastsUs)}`;
      return { says, touches: nodesAmong(context, [name]), lastsUs };
    },
  }),
  fault({
    name: 'cancel-calls',
    sentence:
      'calls of a machine are cancelled before, during or after the server handles them; their connection stays open',
    parameters: {
      machine: choice(),
      oneIn: whole(1, 4),
      when: oneOf('before', 'during', 'after', 'after'),
      kind: oneOf('unavailable', 'timeout'),
      afterMs: duration(1_000),
      lastsMs: duration(),
    },
    strike(context, { machine, oneIn, when, kind, afterMs, lastsMs }) {
      const { network, random, cluster } = context;
      const node = chosen(cluster.nodes, machine)!;
      const { name } = node;
      const untilUs = endOf(context, lastsMs);
      const afterUs = afterMs * MILLISECOND;
      const draw = () => (random.below(oneIn) === 0 ? ({ when, afterUs, kind } as const) : undefined);
      network.cancelledCalls.add({ from: name, untilUs, draw });
      const lastsUs = lasting(context, lastsMs);
      const says = `one in ${oneIn} of ${name}, ${when} handling, for ${seconds(lastsUs)}`;
      return { says, touches: [node], lastsUs };
    },
  }),
];

/**
 * Stalls the requests, or the answers, of a connection for `gatherMs`. Then the connection breaks at the side
 * that opened it. Stalled requests arrive `lateMs` after the break, at the latest at the end of the incident.
 * Stalled answers are lost. If the incident ends before the break, the connection only stalls.
 */
function breakLate(
  context: FaultContext,
  one: Connection,
  {
    late,
    gatherMs,
    lateMs,
  }: { readonly late: 'request' | 'answer'; readonly gatherMs: Millis; readonly lateMs: Millis },
): void {
  one.stall(late === 'request' ? one.requests : one.answers);
  later(context, gatherMs * MILLISECOND, () => one.breakLate());
  endAfter(context, gatherMs + lateMs, () => one.flow());
}

function drawnDelays({ random }: FaultContext, delayMs: number): [requestsUs: number, answersUs: number] {
  const longest = delayMs * MILLISECOND;
  return [random.below(longest + 1), random.below(longest + 1)];
}
