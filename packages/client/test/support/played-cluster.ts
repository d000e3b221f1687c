/** A client's view of a cluster whose brokers a test plays by hand, with a clock that the test moves. */
import { Prng, Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { apis } from '@millrace/protocol';
import { BrokerConnection, ClusterView, type ClusterViewOptions } from '../../src/index.ts';
import { type BrokerEnd, MemoryNet } from './memory-net.ts';
import { metadataOf, type Told, topicOf } from './metadata.ts';

export class PlayedCluster {
  readonly clock = new ManualClock();
  readonly net = new MemoryNet(this.clock);
  changes = 0;
  readonly view: ClusterView;
  private readonly timers = new Timers(this.clock);

  constructor(options: Partial<ClusterViewOptions> = {}, requestTimeoutMs = 1_000) {
    this.view = new ClusterView({
      clock: this.clock,
      random: new Prng(1),
      bootstrap: [{ host: 'boot', port: 1 }],
      wanted: () => ['events'],
      changed: () => this.changes++,
      open: (address, changed) =>
        new BrokerConnection(
          {
            net: this.net,
            address,
            timers: this.timers,
            clientId: 'test',
            software: { name: 'test', version: '1' },
            requestTimeoutMs,
            frameBytesMax: 100_000,
          },
          { changed },
        ),
      ...options,
    });
  }

  /** A view that has got metadata once, from the bootstrap server. `server` is that server. */
  static started(
    told: Told = {},
    options: Partial<ClusterViewOptions> = {},
    requestTimeoutMs = 1_000,
  ): PlayedCluster & { server: BrokerEnd } {
    const client = new PlayedCluster(options, requestTimeoutMs);
    client.view.start();
    client.clock.advance(0);
    const server = client.ready(client.net.to(1));
    client.clock.advance(100);
    server.answer(apis.metadata, metadataOf(told));
    return Object.assign(client, { server });
  }

  /** A started view of the topic with one partition for each of these leaders, which are connected. */
  static ledBy(...leaders: readonly number[]): PlayedCluster {
    const cluster = PlayedCluster.started();
    const topic = topicOf();
    const [first] = topic.partitions;
    const partitions = leaders.map((leaderId, partitionIndex) => ({ ...first!, partitionIndex, leaderId }));
    cluster.view.topics.learn({ ...topic, partitions });
    for (const leader of leaders) {
      cluster.view.connectionTo(leader);
      cluster.opens(leader);
    }
    return cluster;
  }

  /** Opens the connection that waits at this port. Returns the broker's end. */
  opens(port: number): BrokerEnd {
    return this.ready(this.net.to(port));
  }

  /** Answers the oldest request at the broker with this port, which must be a Metadata request. */
  tells(port: number, told: Told): void {
    this.net.to(port).answer(apis.metadata, metadataOf(told));
  }

  ready(end: BrokerEnd): BrokerEnd {
    end.open();
    end.answerVersions();
    return end;
  }
}
