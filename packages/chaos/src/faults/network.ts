/** Faults of the network. Each hits the links of some nodes to all others and to the clients. */
import type { LinkEnd, LinkRule, Links } from '../target/target.ts';
import type { ActiveFault, FaultContext } from './fault.ts';
import type { Victims } from './victims.ts';

const SLOW_MS = 100;
const FLAP_MS = 300;

export async function isolate(victims: Victims, context: FaultContext): Promise<ActiveFault> {
  const { links } = setBoth(victims, context, { state: 'cut' });
  return { ...facts(victims, 'the network cuts off'), heal: async () => links.heal() };
}

export async function oneWay(victims: Victims, context: FaultContext): Promise<ActiveFault> {
  const links = linksOf(context);
  for (const { inside, outside } of pairs(victims, context)) links.set(inside, outside, { state: 'silent' });
  return { ...facts(victims, 'the network loses what comes from'), heal: async () => links.heal() };
}

export async function slow(victims: Victims, context: FaultContext): Promise<ActiveFault> {
  const { links } = setBoth(victims, context, { state: 'open', delayMs: SLOW_MS });
  const did = `the network delays by ${SLOW_MS} ms every byte from and to`;
  return { ...facts(victims, did), heal: async () => links.heal() };
}

export async function flap(victims: Victims, context: FaultContext): Promise<ActiveFault> {
  const links = linksOf(context);
  let isCut = false;
  const turn = (): void => {
    isCut = !isCut;
    setBoth(victims, context, { state: isCut ? 'cut' : 'open' });
  };
  turn();
  const timer = setInterval(turn, FLAP_MS);
  return {
    ...facts(victims, `the network cuts off, and connects again, every ${FLAP_MS} ms,`),
    heal: async () => {
      clearInterval(timer);
      links.heal();
    },
  };
}

function facts({ nodes, sentence }: Victims, did: string) {
  return { sentence: `${did} ${sentence}`, nodes };
}

function linksOf({ target }: FaultContext): Links {
  if (target.links === undefined) throw new Error(`the network of ${target.name} cannot be changed`);
  return target.links;
}

function setBoth(victims: Victims, context: FaultContext, rule: LinkRule): { readonly links: Links } {
  const links = linksOf(context);
  for (const { inside, outside } of pairs(victims, context)) {
    links.set(inside, outside, rule);
    links.set(outside, inside, rule);
  }
  return { links };
}

/** Every link between one of the victims and somebody else. */
function pairs({ nodes }: Victims, { target }: FaultContext) {
  const others: LinkEnd[] = [
    'clients',
    ...target.nodes.map(({ id }) => id).filter((id) => !nodes.includes(id)),
  ];
  return nodes.flatMap((inside) => others.map((outside) => ({ inside, outside })));
}
