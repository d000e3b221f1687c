/** A coordinator that a test plays by hand: broker 9, at port 9, of the group `g`. */

import { Timers } from '@millrace/base';
import { type Api, apis, ErrorCode } from '@millrace/protocol';
import { BrokerConnection, GroupCoordinator, type OpenConnection } from '../../src/index.ts';
import type { BrokerEnd } from './memory-net.ts';
import { topicOf } from './metadata.ts';
import { PlayedCluster } from './played-cluster.ts';

export class PlayedGroup {
  readonly cluster: PlayedCluster & { server: BrokerEnd };
  readonly coordinator: GroupCoordinator;
  readonly open: OpenConnection;

  /** The view knows the topic `events` with this many partitions. */
  constructor(partitions = 1, changed: () => void = () => {}) {
    this.cluster = PlayedCluster.started(undefined, { changed, maxAgeMs: 1_000_000 }, 60_000);
    this.tells(partitions);
    const { clock, net, view } = this.cluster;
    const timers = new Timers(clock);
    this.open = (address, connectionChanged) =>
      new BrokerConnection(
        {
          net,
          address,
          timers,
          clientId: 'test',
          software: { name: 'test', version: '1' },
          requestTimeoutMs: 60_000,
          frameBytesMax: 100_000,
        },
        { changed: connectionChanged },
      );
    this.coordinator = new GroupCoordinator({ clock, groupId: 'g', cluster: view, open: this.open });
  }

  get clock() {
    return this.cluster.clock;
  }

  /** Gives the view new metadata of the topic `events`. */
  tells(partitions: number): void {
    const topic = topicOf();
    const all = Array.from({ length: partitions }, (_, partitionIndex) => ({
      ...topic.partitions[0]!,
      partitionIndex,
    }));
    this.cluster.view.topics.learn({ ...topic, partitions: all });
  }

  /** The broker at this port. The coordinator's connection is the newest one. */
  broker(port = 9): BrokerEnd {
    return this.cluster.net.to(port);
  }

  /** Answers FindCoordinator, and opens the connection to the coordinator at this port. */
  found(port = 9, versions: { readonly [apiKey: number]: number } = {}): void {
    this.finds({ errorCode: ErrorCode.NONE, nodeId: port, host: `b${port}`, port });
    this.broker(port).open();
    this.broker(port).answerVersions(versions);
  }

  finds(told: { errorCode: number; nodeId?: number; host?: string; port?: number }): void {
    const coordinator = { key: 'g', nodeId: -1, host: '', port: -1, ...told };
    this.cluster.server.answer(apis.findCoordinator, { coordinators: [coordinator] });
  }

  /** Answers the oldest request at the coordinator, and returns it. */
  answer<Req, Res, ReqInput, ResInput>(
    api: Api<Req, Res, ReqInput, ResInput>,
    value: ResInput,
    port = 9,
  ): Req {
    return this.broker(port).answer(api, value);
  }
}
