/** Goal: `failWrites`, `damage` and a blocked sync have the promised effects on a controller's store. */
import type { Uuid } from '@millrace/base';
import type { StorageWrite, StoredState } from '@millrace/raft';
import { describe, expect, it } from 'vitest';
import { SimDisk } from '../../src/disk/index.ts';
import { Host, SECOND, World } from '../../src/world/index.ts';

const identity: StorageWrite = { type: 'identity', identity: 'aaaaaaaaaaaaaaaaaaaaaA' as Uuid };
const vote = (epoch: number): StorageWrite => ({ type: 'vote', vote: { epoch, votedFor: 2 } });

class Controller {
  readonly world: World;
  readonly host: Host;
  readonly disk: SimDisk;

  constructor(seed = 1) {
    this.world = new World(seed);
    this.host = new Host(this.world, 'c1');
    this.disk = new SimDisk(this.world, 'c1');
    this.host.boot();
  }

  /** Writes in the process. Returns how the write ended; undefined: it has not ended after a second. */
  write(...writes: StorageWrite[]): Error | 'written' | undefined {
    let ended: Error | 'written' | undefined;
    this.disk.storageOf(this.host.life!).write(writes, (error) => {
      ended = error ?? 'written';
    });
    this.world.runUntil(this.world.nowUs + SECOND);
    return ended;
  }

  /** Kills the process, and returns what the next process loads. */
  restart(): StoredState | Error | undefined {
    this.host.life!.die('process');
    let loaded: StoredState | Error | undefined;
    this.disk.storageOf(this.host.boot()).load((state) => {
      loaded = state;
    });
    this.world.runUntil(this.world.nowUs + SECOND);
    return loaded;
  }
}

const epochOf = (state: StoredState | Error | undefined) =>
  state === undefined || state instanceof Error ? undefined : state.vote.epoch;

describe('a failed write of the store', () => {
  it('may exist after a restart, or not', () => {
    const epochs = new Set<number | undefined>();
    for (let seed = 1; seed <= 20; seed++) {
      const controller = new Controller(seed);
      expect(controller.write(identity, vote(1))).toBe('written');
      controller.disk.quorumStore.failWrites('EIO');
      expect(controller.write(vote(2))).toBeInstanceOf(Error);
      epochs.add(epochOf(controller.restart()));
    }
    expect([...epochs].sort()).toEqual([1, 2]);
  });

  it('happens as often as the fault says, and never after `disarm`', () => {
    const controller = new Controller();
    controller.disk.quorumStore.failWrites('EIO', 2);
    expect(controller.write(vote(1))).toBeInstanceOf(Error);
    expect(controller.write(vote(1))).toBeInstanceOf(Error);
    expect(controller.write(vote(1))).toBe('written');
    controller.disk.quorumStore.failWrites('EIO');
    controller.disk.disarm();
    expect(controller.write(vote(2))).toBe('written');
  });
});

describe('a damaged store', () => {
  it('is found at every start until it is replaced', () => {
    const controller = new Controller();
    controller.write(identity, vote(1));
    controller.disk.quorumStore.damage();
    expect(controller.write(vote(2))).toBe('written');
    expect(controller.restart()).toBeInstanceOf(Error);
    expect(controller.restart()).toBeInstanceOf(Error);
    controller.disk.quorumStore.wipe();
    expect(epochOf(controller.restart())).toBe(0);
  });
});

describe('a blocked sync', () => {
  it('delays the write of the store', () => {
    const controller = new Controller();
    controller.disk.syncs.block('/data', 3 * SECOND);
    expect(controller.write(vote(1))).toBeUndefined();
    controller.world.runUntil(4 * SECOND);
    expect(epochOf(controller.restart())).toBe(1);
  });
});
