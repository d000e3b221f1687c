/** What a swap waits for before the cleaned segment gets the name `.swap`. */
import { DiskError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { SegmentSwap } from '../../src/cleaner/segment-swap.ts';
import { OpenFiles } from '../../src/files/open-files.ts';
import { Segment } from '../../src/segment/segment.ts';

class WaitingDisk extends MemoryDisk {
  readonly pending: (() => void)[];
  /** This call of a folder's sync finds no descriptor. */
  isLacking = false;

  constructor() {
    const pending: (() => void)[] = [];
    super((callback) => pending.push(callback));
    this.pending = pending;
  }

  override syncFolder(directory: string, done: (error?: DiskError) => void): void {
    const lack = this.isLacking ? new DiskError('EMFILE', directory) : undefined;
    super.syncFolder(directory, (error) => done(lack ?? error));
  }
}

function setUp() {
  const disk = new WaitingDisk();
  disk.makeDirectory('/log');
  const files = new OpenFiles(disk);
  const cleaned = new Segment(files, '/log', 0, 0, '.cleaned');
  cleaned.create();
  cleaned.seal();
  const events: string[] = [];
  let isOffline = false;
  const ports = {
    disk,
    directory: '/log',
    namesChanged: () => {},
    discard: () => events.push('discard'),
    replaced: () => events.push('replaced'),
    isOffline: () => isOffline,
    cancel: () => events.push('cancel'),
    failed: () => events.push('failed'),
  };
  const swap = new SegmentSwap([], cleaned, ports, (error) => events.push(`done ${error?.code}`));
  const settle = (): void => {
    while (disk.pending.length > 0) for (const callback of disk.pending.splice(0)) callback();
  };
  return { disk, cleaned, swap, events, settle, goOffline: () => (isOffline = true) };
}

const hasSwapName = (disk: MemoryDisk): boolean => disk.list('/log').some((name) => name.endsWith('.swap'));

test('a swap waits for a sync of `OpenFiles`, which may report the loss instead of its own sync', () => {
  for (const isLost of [false, true]) {
    const { disk, cleaned, swap, events, settle, goOffline } = setUp();
    cleaned.log.sync(() => isLost && goOffline());
    const background = disk.pending.splice(0);
    swap.start();
    settle();
    expect([hasSwapName(disk), events]).toEqual([false, []]);
    for (const callback of background) callback();
    settle();
    expect(events).toEqual(isLost ? ['cancel'] : ['replaced', 'done undefined']);
  }
});

test('a swap that finds no descriptor for its first sync changes nothing, and the log stays online', () => {
  const { disk, swap, events, settle } = setUp();
  disk.isLacking = true;
  swap.start();
  settle();
  expect([hasSwapName(disk), events]).toEqual([false, ['discard', 'done EMFILE']]);
});
