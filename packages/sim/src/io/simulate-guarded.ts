/** The one way in which commands and tests run a seed. */
import { compressionCodecs } from '@millrace/protocol/io';
import { type RunOptions, type RunReport, simulate } from '../run/index.ts';

export type GuardedOptions = Omit<RunOptions, 'codecs'> & Partial<Pick<RunOptions, 'codecs'>>;

export function simulateGuarded(options: GuardedOptions): RunReport {
  return simulate({ codecs: compressionCodecs, ...options });
}
