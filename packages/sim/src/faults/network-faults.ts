/**
 * The network is slow, resets connections, or is cut: in one direction or both, between all machines or only
 * some.
 */
import { MILLISECOND } from '../world/index.ts';
import { endAfter, type FaultKind, fault, RECOVERY_US, seconds, victim, victimOf } from './fault.ts';
import { between, cutFor, everybody, nodesAmong } from './links.ts';
import { choice, chosen, duration, oneOf, whole } from './parameter.ts';

export const networkFaults: readonly FaultKind[] = [
  fault({
    name: 'slow-link',
    sentence: 'messages between two machines arrive late, and only a few bytes pass in a second',
    parameters: {
      from: choice(),
      to: choice(),
      delayMs: whole(1, 400),
      bytesPerSecond: oneOf(10_000_000, 100_000, 10_000),
      lastsMs: duration(),
    },
    strike(context, { delayMs, bytesPerSecond, lastsMs, ...ends }) {
      const from = chosen(everybody(context), ends.from)!;
      const to = chosen(everybody(context), ends.to)!;
      if (from === to) return undefined;
      const { network } = context;
      const quality = { delayUs: delayMs * MILLISECOND, bytesPerSecond };
      network.slow(from, to, quality);
      network.slow(to, from, quality);
      const lastsUs = endAfter(context, lastsMs, () => {
        network.slow(from, to, undefined);
        network.slow(to, from, undefined);
      });
      const says = `${from} and ${to}, ${delayMs} ms, for ${seconds(lastsUs)}`;
      return { says, touches: nodesAmong(context, [from, to]), lastsUs };
    },
  }),
  fault({
    name: 'reset-connections',
    sentence: 'every connection between two machines breaks',
    parameters: { machine: choice(), node: victim() },
    strike(context, { machine, node }) {
      const a = chosen(everybody(context), machine)!;
      const b = victimOf(context, node)!.name;
      if (a === b || context.network.reset(a, b) === 0) return undefined;
      return { says: `${a} and ${b}`, touches: nodesAmong(context, [a, b]), lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'cut-one-way',
    sentence: 'no message passes from one machine to another; the other direction works',
    parameters: { from: choice(), to: victim(), lastsMs: duration() },
    strike(context, { lastsMs, ...ends }) {
      const from = chosen(everybody(context), ends.from)!;
      const to = victimOf(context, ends.to)!.name;
      if (from === to) return undefined;
      const lastsUs = cutFor(context, lastsMs, [[from, to]]);
      const says = `${from} to ${to}, for ${seconds(lastsUs)}`;
      return { says, touches: nodesAmong(context, [from, to]), lastsUs };
    },
  }),
  fault({
    name: 'isolate',
    sentence: 'one machine is cut off from all others',
    parameters: { victim: victim(), lastsMs: duration() },
    strike(context, { victim, lastsMs }) {
      const node = victimOf(context, victim)!;
      const lastsUs = cutFor(context, lastsMs, between([node.name], everybody(context)));
      return { says: `${node.name}, for ${seconds(lastsUs)}`, touches: [node], lastsUs };
    },
  }),
  fault({
    name: 'isolate-inbound',
    sentence: 'one machine receives nothing; the messages that it sends arrive',
    parameters: { victim: victim(), lastsMs: duration() },
    strike(context, { victim, lastsMs }) {
      const node = victimOf(context, victim)!;
      const { name } = node;
      const others = everybody(context).filter((other) => other !== name);
      const lastsUs = cutFor(
        context,
        lastsMs,
        others.map((other) => [other, name]),
      );
      return { says: `${name}, for ${seconds(lastsUs)}`, touches: [node], lastsUs };
    },
  }),
  fault({
    name: 'cut-off-controllers',
    sentence: 'a broker reaches every machine except the controllers',
    parameters: { victim: victim(), lastsMs: duration() },
    strike(context, { victim, lastsMs }) {
      const node = victimOf(context, victim, (one) => one.role === 'broker');
      if (node === undefined) return undefined;
      const controllers = context.cluster.controllers.map(({ name }) => name);
      const lastsUs = cutFor(context, lastsMs, between([node.name], controllers));
      return { says: `${node.name}, for ${seconds(lastsUs)}`, touches: [node], lastsUs };
    },
  }),
  fault({
    name: 'cut-off-brokers',
    sentence: 'a broker reaches every machine except the other brokers',
    parameters: { victim: victim(), lastsMs: duration() },
    strike(context, { victim, lastsMs }) {
      const node = victimOf(context, victim, (one) => one.isBroker);
      if (node === undefined || context.cluster.brokers.length < 2) return undefined;
      const brokers = context.cluster.brokers.map(({ name }) => name);
      const lastsUs = cutFor(context, lastsMs, between([node.name], brokers));
      return { says: `${node.name}, for ${seconds(lastsUs)}`, touches: [node], lastsUs };
    },
  }),
  fault({
    name: 'split',
    sentence: 'the machines fall into two groups that do not reach each other',
    // The n-th bit says in which group the n-th machine is.
    parameters: { groups: choice(), lastsMs: duration() },
    strike(context, { groups, lastsMs }) {
      const names = everybody(context);
      const group = names.filter((_name, index) => ((groups >>> (index % 32)) & 1) === 0);
      const others = names.filter((name) => !group.includes(name));
      if (group.length === 0 || others.length === 0) return undefined;
      const lastsUs = cutFor(context, lastsMs, between(group, others));
      const says = `${group.join('+')} from ${others.join('+')}, for ${seconds(lastsUs)}`;
      return { says, touches: context.cluster.nodes, lastsUs };
    },
  }),
];
