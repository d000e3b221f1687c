/**
 * The network misbehaves: slow, cut in one direction or both, cut between some and not others, connections
 * reset.
 */
import { MILLISECOND } from '../world/index.ts';
import { duration, type FaultKind, pick, seconds, victim } from './fault.ts';
import { between, cutFor, everybody } from './links.ts';

export const networkFaults: readonly FaultKind[] = [
  {
    name: 'slow-link',
    sentence: 'messages between two machines are delayed, and few bytes pass',
    strike(context, random) {
      const names = everybody(context);
      const from = pick(random, names)!;
      const to = pick(random, names)!;
      if (from === to) return undefined;
      const quality = {
        delayUs: (1 + random.below(400)) * MILLISECOND,
        bytesPerSecond: [10_000, 100_000, 10_000_000][random.below(3)]!,
      };
      const { network, world } = context;
      network.slow(from, to, quality);
      network.slow(to, from, quality);
      const lasts = duration(random);
      world.after(lasts, () => {
        network.slow(from, to, undefined);
        network.slow(to, from, undefined);
      });
      return `${from} and ${to}, ${quality.delayUs / MILLISECOND} ms, for ${seconds(lasts)}`;
    },
  },
  {
    name: 'reset-connections',
    sentence: 'every connection between two machines breaks',
    strike(context, random) {
      const names = everybody(context);
      const a = pick(random, names)!;
      const b = random.below(2) === 0 ? pick(random, names)! : victim(context, random)!.name;
      if (a === b || context.network.reset(a, b) === 0) return undefined;
      return `${a} and ${b}`;
    },
  },
  {
    name: 'cut-one-way',
    sentence: 'no message passes from one machine to another; the other direction works',
    strike(context, random) {
      const names = everybody(context);
      const from = pick(random, names)!;
      const to = victim(context, random)!.name;
      if (from === to) return undefined;
      return `${from} to ${to}, ${cutFor(context, random, [[from, to]])}`;
    },
  },
  {
    name: 'isolate',
    sentence: 'one machine is cut off from all others',
    strike(context, random) {
      const { name } = victim(context, random)!;
      return `${name}, ${cutFor(context, random, between([name], everybody(context)))}`;
    },
  },
  {
    name: 'isolate-inbound',
    sentence: 'one machine receives nothing; its own messages arrive',
    strike(context, random) {
      const { name } = victim(context, random)!;
      const links = everybody(context)
        .filter((other) => other !== name)
        .map((other) => [other, name] as const);
      return `${name}, ${cutFor(context, random, links)}`;
    },
  },
  {
    name: 'cut-off-controllers',
    sentence: 'a broker reaches every machine except the controllers',
    strike(context, random) {
      const node = victim(context, random, (one) => one.role === 'broker');
      if (node === undefined) return undefined;
      const controllers = context.cluster.controllers.map(({ name }) => name);
      return `${node.name}, ${cutFor(context, random, between([node.name], controllers))}`;
    },
  },
  {
    name: 'cut-off-brokers',
    sentence: 'a broker reaches every machine except the other brokers',
    strike(context, random) {
      const node = victim(context, random, (one) => one.isBroker);
      if (node === undefined || context.cluster.brokers.length < 2) return undefined;
      const brokers = context.cluster.brokers.map(({ name }) => name);
      return `${node.name}, ${cutFor(context, random, between([node.name], brokers))}`;
    },
  },
  {
    name: 'split',
    sentence: 'the machines fall into two groups that do not reach each other',
    strike(context, random) {
      const names = everybody(context);
      const group = names.filter(() => random.below(2) === 0);
      const others = names.filter((name) => !group.includes(name));
      if (group.length === 0 || others.length === 0) return undefined;
      return `${group.join('+')} from ${others.join('+')}, ${cutFor(context, random, between(group, others))}`;
    },
  },
];
