/**
 * Asks the leaders of partitions for their high watermarks. This broker answers for the partitions that it
 * leads. Each other leader gets one ListOffsets request, on a connection that ends with the answer.
 */
import type { Address, Millis, Net, NodeId, Offset, Timers, Uuid } from '@millrace/base';
import { BrokerConnection, OffsetAt } from '@millrace/client';
import type { MetadataImage } from '@millrace/metadata';
import { apis, ErrorCode } from '@millrace/protocol';
import { endpointOf } from '../cluster-view.ts';

export interface EndOffsetsPorts {
  readonly brokerId: NodeId;
  readonly net: Net;
  readonly timers: Timers;
  /** `inter.broker.listener.name` */
  readonly listenerName: string;
  image(): MetadataImage;
  /** Undefined: this broker does not lead the partition now. */
  highWatermark(topicId: Uuid, partition: number): Offset | undefined;
}

export interface EndWanted {
  readonly topic: string;
  readonly topicId: Uuid;
  readonly partition: number;
}

/** The high watermarks that are known, by `endKey`. */
export type EndOffsets = ReadonlyMap<string, Offset>;

/** Timeout for connecting, and for each request. Prometheus waits 10 s for a scrape by default. */
const TIMEOUT_MS: Millis = 1_000;
const ANSWER_BYTES_MAX = 16 << 20;
const CONSUMER = -1;

export function endKey({ topicId, partition }: Omit<EndWanted, 'topic'>): string {
  return `${topicId}-${partition}`;
}

/** Calls `done` once, within some seconds. Leaves out the partitions whose leaders do not answer. */
export function endOffsets(
  ports: EndOffsetsPorts,
  wanted: Iterable<EndWanted>,
  done: (ends: EndOffsets) => void,
): void {
  const ends = new Map<string, Offset>();
  const image = ports.image();
  const remote: { readonly leader: NodeId; readonly one: EndWanted }[] = [];
  for (const one of wanted) {
    const leader = image.partition(one.topicId, one.partition)?.leader ?? -1;
    if (leader === ports.brokerId) {
      const end = ports.highWatermark(one.topicId, one.partition);
      if (end !== undefined) ends.set(endKey(one), end);
    } else if (leader >= 0) remote.push({ leader, one });
  }
  let open = 1;
  const answered = () => {
    if (--open === 0) done(ends);
  };
  for (const [leader, ofLeader] of Map.groupBy(remote, (each) => each.leader)) {
    const registration = image.broker(leader);
    const address = registration && endpointOf(registration, ports.listenerName);
    if (address === undefined) continue;
    open++;
    const wantedOfLeader = ofLeader.map(({ one }) => one);
    askLeader(ports, address, wantedOfLeader, ends, answered);
  }
  answered();
}

function askLeader(
  ports: EndOffsetsPorts,
  address: Address,
  wanted: readonly EndWanted[],
  ends: Map<string, Offset>,
  done: () => void,
): void {
  const { net, timers, brokerId } = ports;
  const clientId = `broker-${brokerId}-lag`;
  const changed = (connection: BrokerConnection) => {
    if (connection.isClosed) {
      done();
      return;
    }
    const version = connection.versions!.newest(apis.listOffsets);
    if (version === undefined) {
      connection.close();
      return;
    }
    connection.request(
      apis.listOffsets,
      version,
      { replicaId: CONSUMER, topics: topicsOf(wanted) },
      (answer) => {
        const topicIds = new Map(wanted.map(({ topic, topicId }) => [topic, topicId]));
        for (const { name, partitions } of answer?.topics ?? [])
          for (const { partitionIndex: partition, errorCode, offset } of partitions) {
            const topicId = topicIds.get(name);
            if (errorCode === ErrorCode.NONE && topicId !== undefined)
              ends.set(endKey({ topicId, partition }), offset);
          }
        connection.close();
      },
    );
  };
  new BrokerConnection(
    {
      net,
      address,
      timers,
      clientId,
      software: { name: 'millrace', version: '1' },
      connectTimeoutMs: TIMEOUT_MS,
      requestTimeoutMs: TIMEOUT_MS,
      frameBytesMax: ANSWER_BYTES_MAX,
    },
    { changed },
  );
}

function topicsOf(wanted: readonly EndWanted[]) {
  const byTopic = Map.groupBy(wanted, ({ topic }) => topic);
  return Array.from(byTopic, ([name, ones]) => ({
    name,
    partitions: ones.map(({ partition }) => ({ partitionIndex: partition, timestamp: OffsetAt.LATEST })),
  }));
}
