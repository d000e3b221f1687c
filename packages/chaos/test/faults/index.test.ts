/** Goal: a fault hits the right nodes, and `heal` undoes it. Method: a target that notes its calls. */
import type { NodeId } from '@millrace/base';
import { Prng } from '@millrace/base';
import { afterEach, expect, test, vi } from 'vitest';
import { type FaultContext, inject } from '../../src/faults/index.ts';
import type { FaultKind, Victim } from '../../src/scenario/kinds.ts';
import type { ChaosTarget, LinkEnd, LinkRule } from '../../src/target/target.ts';

afterEach(() => {
  vi.useRealTimers();
});

function contextOf(
  o: { leader?: NodeId; controller?: NodeId; coordinator?: NodeId; hasLinks?: boolean } = {},
) {
  const { leader = 5, controller = 2, coordinator = 6, hasLinks = true } = o;
  const calls: string[] = [];
  const note = (what: string) => async (ids: readonly NodeId[]) => void calls.push(`${what} ${ids.join()}`);
  const target = {
    name: 'Toy',
    nodes: [1, 2, 3, 4, 5, 6].map((id) => ({ id, role: id < 4 ? 'controller' : 'broker', port: id })),
    kill: note('kill'),
    pause: note('pause'),
    resume: note('resume'),
    stop: note('stop'),
    start: note('start'),
    links: hasLinks
      ? {
          set: (from: LinkEnd, to: LinkEnd, rule: LinkRule) =>
            void calls.push(`${from}>${to} ${rule.state}${rule.delayMs ?? ''}`),
          heal: () => void calls.push('heal'),
        }
      : undefined,
  } as unknown as ChaosTarget;
  const context: FaultContext = {
    target,
    cluster: {
      leaderOf: () => leader,
      isrOf: () => [4, 5, 6],
      activeController: () => (controller < 0 ? undefined : controller),
      coordinatorOf: async () => (coordinator < 0 ? undefined : coordinator),
    },
    random: new Prng(1),
    topics: [{ name: 'orders', partitions: 1, replicationFactor: 3, config: {} }],
    groups: ['shop'],
  };
  return { calls, context };
}

const plan = (fault: FaultKind, victim: Victim) => ({ fault, victim, lastsMs: [1, 1] as const });

test.each([
  ['crash', 'leader', 'kill -9 of broker 5, the leader of orders-0', ['kill 5', 'start 5']],
  ['pause', 'active-controller', 'SIGSTOP of node 2, the active controller', ['pause 2', 'resume 2']],
  ['stop', 'coordinator', 'clean stop of broker 6, the coordinator of the group shop', ['stop 6', 'start 6']],
  ['crash', 'all', 'kill -9 of every node', ['kill 1,2,3,4,5,6', 'start 1,2,3,4,5,6']],
] as const)('%s of %s', async (fault, victim, sentence, expected) => {
  const { calls, context } = contextOf();
  const active = await inject(plan(fault, victim), context);
  expect(active?.sentence).toBe(sentence);
  await active!.heal();
  expect(calls).toEqual(expected);
});

test('a follower is a member of the ISR that does not lead', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { context } = contextOf();
    const active = await inject(plan('crash', 'follower'), { ...context, random: new Prng(seed) });
    expect([4, 6]).toContain(active!.nodes[0]);
  }
});

test('two brokers differ', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const active = await inject(plan('crash', 'two-brokers'), {
      ...contextOf().context,
      random: new Prng(seed),
    });
    expect(new Set(active!.nodes).size).toBe(2);
  }
});

test('a cluster of one broker has no two brokers', async () => {
  const { context } = contextOf();
  const nodes = context.target.nodes.slice(0, 4);
  const one = { ...context, target: { ...context.target, nodes } };
  expect(await inject(plan('crash', 'two-brokers'), one)).toBeUndefined();
});

test('a fault without a victim is not injected', async () => {
  const { calls, context } = contextOf({ leader: -1, controller: -1, coordinator: -1 });
  for (const victim of ['leader', 'active-controller', 'coordinator', 'leader-and-controller'] as const)
    expect(await inject(plan('crash', victim), context)).toBeUndefined();
  expect(calls).toEqual([]);
});

test('an isolated node loses its links to all others and to the clients, in both directions', async () => {
  const { calls, context } = contextOf();
  const active = await inject(plan('isolate', 'leader'), context);
  const others = ['clients', 1, 2, 3, 4, 6];
  expect(new Set(calls)).toEqual(new Set(others.flatMap((one) => [`5>${one} cut`, `${one}>5 cut`])));
  calls.length = 0;
  await active!.heal();
  expect(calls).toEqual(['heal']);
});

test('one way: only what the node sends is held back', async () => {
  const { calls, context } = contextOf();
  await inject(plan('one-way', 'leader'), context);
  expect(calls).toEqual(['clients', 1, 2, 3, 4, 6].map((one) => `5>${one} silent`));
});

test('a flapping link is cut and opened until it heals', async () => {
  vi.useFakeTimers();
  const { calls, context } = contextOf();
  const active = await inject(plan('flap', 'leader'), context);
  const states = () => [...new Set(calls.splice(0).map((call) => call.split(' ')[1]))];
  expect(states()).toEqual(['cut']);
  vi.advanceTimersByTime(300);
  expect(states()).toEqual(['open']);
  vi.advanceTimersByTime(300);
  expect(states()).toEqual(['cut']);
  await active!.heal();
  calls.length = 0;
  vi.advanceTimersByTime(3000);
  expect(calls).toEqual([]);
});

test('a target without links refuses a fault of the network', async () => {
  const { context } = contextOf({ hasLinks: false });
  await expect(inject(plan('isolate', 'leader'), context)).rejects.toThrow(
    'the network of Toy cannot be changed',
  );
});
