/**
 * A whole data plane on one broker: the front end over a real replica manager, with logs on a disk in memory.
 * The broker leads partition 0 of `words` in leader epoch 5, alone in the ISR.
 */
import { LogLevels, Prng } from '@millrace/base';
import { ManualClock, ManualJobs, MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { LogDirectory } from '@millrace/log';
import { applyRecords, MetadataImage, type MetadataRecord } from '@millrace/metadata';
import { type Api, ErrorCode, SpareBuffers } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { ReplicaManager } from '@millrace/replication';
import { replicationConfig } from '@millrace/replication/testing';
import { BrokerFrontEnd } from '../../src/front-end.ts';
import { CLUSTER_ID, partition, register, TOPIC_ID } from './broker.ts';
import { TestClient } from './client.ts';
import { noGroups } from './no-groups.ts';
import { frontEndConfig } from './settings.ts';

/** The smallest allowed size, so that a batch within max.message.bytes may be larger than a segment. */
export const SEGMENT_BYTES = 1_048_576;

const metadata: readonly MetadataRecord[] = [
  register(1),
  { type: 'brokerChange', brokerId: 1, brokerEpoch: 0, fenced: false },
  { type: 'topic', name: 'words', topicId: TOPIC_ID },
  {
    type: 'config',
    resourceType: 'topic',
    resourceName: 'words',
    name: 'segment.bytes',
    value: String(SEGMENT_BYTES),
  },
  partition(TOPIC_ID, 0, [1], 1),
];

export class ServingBroker {
  readonly clock = new ManualClock();
  readonly disk = new MemoryDisk((callback) => this.clock.soon(callback));
  private readonly client: TestClient;
  private readonly jobs = new ManualJobs();

  constructor() {
    const { clock, disk, jobs } = this;
    const spares = new SpareBuffers({ spoils: true });
    const logger = new MemoryLogger();
    const random = new Prng(1);
    const opened = LogDirectory.open({
      ...{ disk, directory: '/data', nodeId: 1, random, codecs: compressionCodecs, logger, spares },
    });
    if (!opened.ok) throw new Error(opened.message);
    const replicas = new ReplicaManager({
      ...{ brokerId: 1, disk, logDirectory: opened.logs, clock, random, logger, jobs },
      config: replicationConfig(),
      codecs: compressionCodecs,
      net: {
        listen: () => ({ close: (done) => done() }),
        connect: () => {
          throw new Error('a leader without followers connects to nobody');
        },
      },
      alterPartition: () => {},
      directoryFailed: (reason) => {
        throw new Error(reason);
      },
    });
    replicas.openLogs(() => {});
    const batch = { baseOffset: 0, epoch: 1, records: metadata };
    const { image, delta } = applyRecords(MetadataImage.EMPTY, batch);
    replicas.publish(delta);
    replicas.setLease({ brokerEpoch: 0, validUntilMs: Number.MAX_SAFE_INTEGER });
    clock.advance(50);
    const frontEnd = new BrokerFrontEnd({
      ...{ brokerId: 1, clock, random, logger, replicas, spares },
      logLevels: new LogLevels('INFO'),
      config: frontEndConfig(),
      groups: noGroups(),
      producerIds: { next: (done) => done({ errorCode: ErrorCode.NONE, producerId: 4000 }) },
      forward: () => {},
      clusterId: () => CLUSTER_ID,
      image: () => image,
    });
    this.client = new TestClient(frontEnd, clock);
  }

  /** The answer to a request. Jobs that the broker starts for it finish at once. */
  ask<Req, Res, ReqInput, ResInput>(
    api: Api<Req, Res, ReqInput, ResInput>,
    version: number,
    value: ReqInput,
  ): Res {
    const id = this.client.request(api, version, value);
    this.clock.settle();
    while (this.jobs.waiting.length > 0) {
      this.jobs.finishOne();
      this.clock.settle();
    }
    return this.client.answer(api, id);
  }
}
