/** The environment of a client. Each client is a process of its own on a machine of its own. */
import type { Address, Net, Random } from '@millrace/base';
import type { History } from '@millrace/checkers';
import { type CompressionCodecs, errorName } from '@millrace/protocol';
import type { Life, World } from '../world/index.ts';

export interface ClientEnv {
  /** `p1`, `q1`, `a1`, …: also the client id. */
  readonly name: string;
  readonly world: World;
  readonly life: Life;
  readonly net: Net;
  readonly random: Random;
  readonly bootstrap: readonly Address[];
  readonly history: History;
  readonly codecs: CompressionCodecs;
  /** Whether brokers may create the missing topics that the client asks for. */
  readonly createsTopics: boolean;
}

/** For coverage: counts an error code on the wire. */
export function countError(env: ClientEnv, code: number): void {
  if (code !== 0) env.world.count(`error ${errorName(code)}`);
}
