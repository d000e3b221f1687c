/**
 * Goal: the faults of a disk have the promised effects on a process: the disk fails, blocks or loses bytes.
 * Method: one process on one disk.
 */
import { DiskError, type DiskFile } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { type PagesAfterFailure, SimDisk, type SyncFailure } from '../../src/disk/index.ts';
import { Host, type Life, MILLISECOND, SECOND, World } from '../../src/world/index.ts';

class Machine {
  readonly world = new World(1);
  readonly disk = new SimDisk(this.world, 'b4');
  readonly life: Life = new Host(this.world, 'b4').boot();
  readonly seam = this.disk.seamOf(this.life);
  readonly endings: string[] = [];

  constructor() {
    this.seam.makeDirectory('/data/t-0');
    this.seam.makeDirectory('/data/t-1');
  }

  write(path: string): DiskFile {
    const file = this.seam.open(path);
    file.write(0, [new Uint8Array([1])]);
    return file;
  }

  sync(path: string): void {
    this.syncAgain(this.write(path));
  }

  /** Syncs a file without another write. */
  syncAgain(file: DiskFile): void {
    const { path } = file;
    file.sync((error) => this.endings.push(`${path} ${error?.code ?? 'synced'}`));
  }

  run(milliseconds: number): void {
    this.world.runUntil(this.world.nowUs + milliseconds * MILLISECOND);
  }
}

const failure = (pages: PagesAfterFailure, more: Partial<SyncFailure> = {}): SyncFailure => ({
  below: '/data/t-0',
  code: 'EIO',
  isLasting: false,
  pages,
  mayFail: () => true,
  ...more,
});

describe('a failing sync', () => {
  it('fails once, below its folder only', () => {
    const machine = new Machine();
    machine.disk.syncs.fail(failure('clean'));
    machine.sync('/data/t-1/a');
    machine.run(10);
    machine.sync('/data/t-0/a');
    machine.run(10);
    machine.syncAgain(machine.seam.open('/data/t-0/a'));
    machine.run(10);
    expect(machine.endings).toEqual(['/data/t-1/a synced', '/data/t-0/a EIO', '/data/t-0/a synced']);
    machine.disk.losePower({ names: 'kept', otherFiles: 'kept' });
    expect(machine.seam.readFile('/data/t-0/a')).toEqual(new Uint8Array([0]));
    expect(machine.seam.readFile('/data/t-1/a')).toEqual(new Uint8Array([1]));
  });

  it('fails only when `mayFail` allows it', () => {
    const machine = new Machine();
    let isAllowed = false;
    machine.disk.syncs.fail(failure('clean', { mayFail: () => isAllowed }));
    machine.write('/data/t-0/a').syncNow();
    isAllowed = true;
    expect(() => machine.write('/data/t-0/a').syncNow()).toThrow(DiskError);
  });

  it('does not fail after `disarm`, unless it lasts and has failed before', () => {
    const machine = new Machine();
    const file = machine.write('/data/t-0/a');
    for (const isLasting of [false, true]) {
      machine.disk.syncs.fail(failure('dirty', { isLasting }));
      machine.disk.disarm();
      file.syncNow();
    }
    machine.disk.syncs.fail(failure('dirty', { isLasting: true }));
    expect(() => file.syncNow()).toThrow(DiskError);
    machine.disk.disarm();
    expect(() => file.syncNow()).toThrow(DiskError);
  });

  it('fails the syncs of names, too; a lasting failure ends only when the disk is replaced', () => {
    const machine = new Machine();
    machine.disk.syncs.fail(failure('dirty', { isLasting: true }));
    machine.seam.syncFolder('/data/t-0', (error) => machine.endings.push(error!.code));
    machine.run(10);
    machine.disk.disarm();
    expect(() => machine.seam.syncDirectory('/data/t-0')).toThrow(DiskError);
    expect(() => machine.seam.writeFileAtomic('/data/t-0/a', new Uint8Array([1]))).toThrow(DiskError);
    expect(machine.endings).toEqual(['EIO']);
    machine.disk.losePower({ names: 'undone' });
    expect(machine.seam.exists('/data/t-0')).toBe(false);
    machine.disk.wipe();
    machine.seam.makeDirectory('/data/t-0');
    machine.seam.syncDirectory('/data/t-0');
  });
});

describe('a blocked sync', () => {
  it('completes late, and syncs of other files do not wait for it', () => {
    const machine = new Machine();
    machine.disk.syncs.block('/data/t-0', 50 * MILLISECOND);
    machine.sync('/data/t-0/a');
    machine.sync('/data/t-1/a');
    machine.run(40);
    expect(machine.endings).toEqual(['/data/t-1/a synced']);
    machine.run(40);
    expect(machine.endings).toEqual(['/data/t-1/a synced', '/data/t-0/a synced']);
  });

  it('has synced nothing if power is lost before it completes', () => {
    const machine = new Machine();
    machine.disk.syncs.block('/data/t-0', 50 * MILLISECOND);
    machine.sync('/data/t-0/a');
    machine.run(40);
    machine.disk.losePower({ names: 'kept', otherFiles: 'lost' });
    expect(machine.seam.readFile('/data/t-0/a')).toEqual(new Uint8Array(0));
  });
});

describe('a blocking call', () => {
  it('takes virtual time in the middle of a turn', () => {
    const machine = new Machine();
    const { clock } = machine.life;
    const file = machine.write('/data/t-0/a');
    machine.disk.slowCalls.set({ calls: ['write'], oneIn: 1, maxMs: 1, untilUs: SECOND });
    let tookMs = 0;
    machine.life.turn('io', () => {
      const before = clock.monotonicMs();
      file.read(0, new Uint8Array(1));
      expect(clock.monotonicMs()).toBe(before);
      file.write(0, [new Uint8Array([2])]);
      tookMs = clock.monotonicMs() - before;
    });
    expect(tookMs).toBe(1);
    expect(machine.world.nowUs).toBe(0);
  });
});

describe('a failing read', () => {
  const errorOf = (act: () => void) => {
    try {
      act();
      return undefined;
    } catch (error) {
      return (error as DiskError).code;
    }
  };

  it('fails openings and reads of its files until its time is over', () => {
    const machine = new Machine();
    const { seam, disk } = machine;
    const file = machine.write('/data/t-0/0.timeindex');
    const other = machine.write('/data/t-0/0.index');
    const calls = () => [
      errorOf(() => file.read(0, new Uint8Array(1))),
      errorOf(() => seam.open('/data/t-0/0.timeindex')),
      errorOf(() => seam.readFile('/data/t-0/0.timeindex')),
      errorOf(() => other.read(0, new Uint8Array(1))),
      errorOf(() => file.write(0, [new Uint8Array(1)])),
    ];
    disk.failingReads.set({ files: 'timeindex', oneIn: 1, untilUs: 2 * MILLISECOND });
    expect(calls()).toEqual(['EMFILE', 'EMFILE', 'EMFILE', undefined, undefined]);
    disk.inspect(() => expect(calls()).toEqual(Array(5).fill(undefined)));
    disk.failingReads.set({ files: 'all', oneIn: 1, untilUs: 2 * MILLISECOND });
    expect(calls()).toEqual(['EMFILE', 'EMFILE', 'EMFILE', 'EMFILE', undefined]);
    machine.run(2);
    expect(calls()).toEqual(Array(5).fill(undefined));
  });

  it('fails one call in `oneIn`, and none after `disarm`', () => {
    const machine = new Machine();
    const { seam, disk } = machine;
    machine.write('/data/t-0/0.log');
    const failed = () =>
      Array.from({ length: 300 }, () => errorOf(() => seam.open('/data/t-0/0.log'))).filter((code) => code);
    disk.failingReads.set({ files: 'log', oneIn: 3, untilUs: SECOND });
    expect(failed().length).toBeGreaterThan(50);
    expect(failed().length).toBeLessThan(150);
    disk.disarm();
    expect(failed()).toEqual([]);
  });
});

describe('a power loss', () => {
  it('keeps an index and loses the log below it', () => {
    const machine = new Machine();
    machine.write('/data/t-0/0.log');
    machine.write('/data/t-0/0.index');
    machine.disk.losePower({ names: 'kept', logs: 'lost', otherFiles: 'kept' });
    expect(machine.seam.readFile('/data/t-0/0.log')).toEqual(new Uint8Array(0));
    expect(machine.seam.readFile('/data/t-0/0.index')).toEqual(new Uint8Array([1]));
  });
});
