/** One run: faults for a while (safety), then everything heals and the quorum must work again (liveness). */
import { Prng } from '@millrace/base';
import { majoritySize } from '../../../src/majority.ts';
import { World, type WorldOptions } from './world.ts';

export interface RunResult {
  readonly world: World;
}

/**
 * Draws the options of a run from the seed: voters, delays, losses and crashes. For example, some runs lose
 * no messages.
 */
export function optionsOf(seed: number): WorldOptions {
  const random = new Prng(seed).fork('options');
  return {
    seed,
    voters: [1, 3, 3, 3, 5, 5][random.below(6)]!,
    lossPerMille: [0, 0, 20, 100, 300][random.below(5)]!,
    delayMsMax: [2, 5, 30, 100][random.below(4)]!,
    diskDelayMsMax: [2, 10, 50][random.below(3)]!,
    config: { electionTimeoutMs: [300, 300, 60][random.below(3)]! },
    voteCrashPerMille: [0, 0, 100, 400][random.below(4)]!,
    snapshotBytes: [0, 20, 60, 200][random.below(4)]!,
  };
}

type Fault = (world: World, random: Prng) => void;

const pick = <T>(random: Prng, list: readonly T[]): T => list[random.below(list.length)]!;

const faults: Record<string, Fault> = {
  crash: (world, random) => world.crash(pick(random, world.nodes)),
  crashLeader: (world) => {
    const leader = world.leader();
    if (leader !== undefined) world.crash(leader);
  },
  crashAll: (world, random) => {
    if (random.below(4) === 0) for (const node of world.nodes) world.crash(node);
  },
  restart: (world, random) => world.start(pick(random, world.nodes)),
  restartAll: (world) => {
    for (const node of world.nodes) world.start(node);
  },
  pause: (world, random) => {
    const node =
      random.below(2) === 0 ? (world.leader() ?? pick(random, world.nodes)) : pick(random, world.nodes);
    node.pausedUntil = world.now + random.below(4000);
    world.tell(`n${node.id} pauses until ${node.pausedUntil}`);
  },
  isolate: (world, random) => {
    const { id } =
      random.below(2) === 0 ? (world.leader() ?? pick(random, world.nodes)) : pick(random, world.nodes);
    cutOff(world, id);
    world.tell(`n${id} is cut off`);
  },
  cutOneWay: (world, random) => {
    const cut = `${pick(random, world.nodes).id}>${pick(random, world.nodes).id}`;
    world.cuts.add(cut);
    world.tell(`cut ${cut}`);
  },
  heal: (world) => {
    world.cuts.clear();
    world.tell('links heal');
  },
  stopLeader: (world) => {
    const leader = world.leader();
    if (leader !== undefined) {
      world.tell(`n${leader.id} is asked to stop`);
      world.step(leader, { type: 'stopRequested' });
      const { generation } = leader;
      world.schedule(600, () => {
        if (leader.generation === generation) world.crash(leader);
      });
    }
  },
  wipe: (world, random) => {
    const wiped = world.nodes.filter((node) => !node.key.endsWith('-0')).length;
    if (wiped >= Math.floor((world.nodes.length - 1) / 2) || world.checker.committed.length < 2) return;
    world.wipe(pick(random, world.nodes));
  },
};

export function run(options: WorldOptions, faultyMs = 12_000): RunResult {
  const world = new World(options);
  const random = new Prng(options.seed).fork('faults');
  const enabled = Object.keys(faults).filter(() => random.below(3) > 0);
  const paceMs = [100, 300, 1000][random.below(3)]!;
  for (const node of world.nodes) world.schedule(random.below(200), () => world.start(node));
  const propose = () => {
    const node = random.below(3) === 0 ? pick(random, world.nodes) : world.leader();
    if (node !== undefined) world.propose(node);
    world.schedule(random.below(60) + 1, propose);
  };
  world.schedule(0, propose);
  const disturb = () => {
    if (world.now >= faultyMs) return;
    if (enabled.length > 0) {
      const name = pick(random, enabled);
      world.count(`fault ${name}`);
      faults[name]!(world, random);
    }
    world.schedule(random.below(paceMs * 2) + 1, disturb);
  };
  world.schedule(500, disturb);
  world.runUntil(faultyMs);
  heal(world);
  loseLeader(world, random);
  return { world };
}

/**
 * Lets the leader die, freeze or lose its links. The other voters must replace it within four seconds. Does
 * this only if the other voters that never lost their disk are a majority.
 */
function loseLeader(world: World, random: Prng): void {
  const leader = world.leader();
  const intact = world.nodes.filter((node) => node.key.endsWith('-0') && node !== leader).length;
  if (leader === undefined || intact < majoritySize(world.nodes.length)) return;
  const way = pick(random, ['dies', 'freezes', 'is cut off']);
  world.tell(`the leader n${leader.id} ${way}`);
  if (way === 'dies') world.crash(leader);
  else if (way === 'freezes') leader.pausedUntil = world.now + 60_000;
  else cutOff(world, leader.id);
  const replaced = world.runUntil(world.now + 4000, () =>
    world.nodes.some(({ raft }) => raft !== leader.raft && raft?.leading?.active === true),
  );
  if (!replaced) world.checker.fail(`the other voters did not replace the leader n${leader.id} that ${way}`);
  world.count(`leader ${way}`);
}

function cutOff(world: World, id: number): void {
  for (const other of world.nodes) {
    world.cuts.add(`${id}>${other.id}`);
    world.cuts.add(`${other.id}>${id}`);
  }
}

/**
 * Ends all faults, and lets five seconds pass. Then the quorum must commit more within five seconds, and
 * every node must know of every earlier commit.
 */
function heal(world: World): void {
  world.cuts.clear();
  world.lossPerMille = 0;
  world.voteCrashPerMille = 0;
  world.delayMsMax = 3;
  world.diskDelayMsMax = 5;
  world.tell('everything heals');
  for (const node of world.nodes) {
    node.pausedUntil = Math.min(node.pausedUntil, world.now);
    world.wake(node);
    if (node.raft?.stopAt !== undefined) world.crash(node);
    world.start(node);
  }
  world.runUntil(world.now + 5000);
  const before = world.checker.committed.at(-1)?.baseOffset ?? -1;
  const end = world.now + 5000;
  const converged = world.runUntil(end, () => {
    const last = world.checker.committed.at(-1)?.baseOffset ?? -1;
    return last > before && world.nodes.every((node) => node.raft!.highWatermark > before);
  });
  if (!converged) {
    const state = world.nodes.map(
      ({ id, raft }) => `n${id} ${raft!.role} ${raft!.epoch} ${raft!.highWatermark}`,
    );
    world.checker.fail(`no progress after healing: ${state.join('; ')}`);
  }
}
