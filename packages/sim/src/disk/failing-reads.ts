/**
 * Reads that fail because the process has too many open files. A process may open a file again before a read,
 * so both opening and reading can fail. The device loses nothing: the same call works later.
 */
import { DiskError, type Prng } from '@millrace/base';
import type { Micros, World } from '../world/index.ts';

/** The files whose reads fail, by the ending of their paths. */
const ENDINGS = { index: '.index', timeindex: '.timeindex', log: '.log', all: '' } as const;

export type FilesToFail = keyof typeof ENDINGS;

export interface FailingReadsFault {
  readonly files: FilesToFail;
  /** One call in this many fails. */
  readonly oneIn: number;
  /** No call fails from this time on. */
  readonly untilUs: Micros;
}

export class FailingReads {
  private readonly world: World;
  private readonly random: Prng;
  private fault: FailingReadsFault | undefined;

  constructor(world: World, random: Prng) {
    this.world = world;
    this.random = random;
  }

  set(fault: FailingReadsFault | undefined): void {
    this.fault = fault;
  }

  get isActive(): boolean {
    return this.fault !== undefined && this.world.nowUs < this.fault.untilUs;
  }

  /** Called by each opening and each read of a file, before the call takes effect. */
  called(path: string): void {
    const { fault, random, world } = this;
    if (fault === undefined || world.nowUs >= fault.untilUs || !path.endsWith(ENDINGS[fault.files])) return;
    if (random.below(fault.oneIn) > 0) return;
    world.count('disk read refused');
    throw new DiskError('EMFILE', `${path}: too many open files`);
  }
}
