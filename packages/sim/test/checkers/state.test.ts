/**
 * Goal: each state checker sees its broken promise. Method: corrupt one node of a small cluster of production
 * nodes.
 */
import { MetadataImage } from '@millrace/metadata';
import { buildBatch } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { deadBrokerUnfenced } from '../../src/checkers/dead-broker-unfenced.ts';
import { folderUnknown } from '../../src/checkers/folder-unknown.ts';
import { highWatermarkFell } from '../../src/checkers/high-watermark-fell.ts';
import { checkerKinds } from '../../src/checkers/index.ts';
import { isrLacksData } from '../../src/checkers/isr-lacks-data.ts';
import { lostMetadata } from '../../src/checkers/lost-metadata.ts';
import { metadataDiffers } from '../../src/checkers/metadata-differs.ts';
import { metadataWentBack } from '../../src/checkers/metadata-went-back.ts';
import { replicasDiffer } from '../../src/checkers/replicas-differ.ts';
import { twoLeaders } from '../../src/checkers/two-leaders.ts';
import { zombieLeader } from '../../src/checkers/zombie-leader.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { SmallCluster, violationOf } from './support.ts';

const TEXT = new TextEncoder();
const batch = (value: string) =>
  buildBatch({ records: [{ value: TEXT.encode(value) }], baseTimestamp: 1_700_000_000_000 });

function controllerOf(node: SimNode) {
  return node.roles!.controller!.controller;
}

/** Changes the metadata as if the controller had committed the change. */
function decree(small: SmallCluster, change: (image: MetadataImage) => object): void {
  const node = small.cluster.controllers[0]!;
  const controller = controllerOf(node);
  small.corrupt(node, () => {
    const { image } = controller;
    controller.image = new MetadataImage({ ...image.state, offset: image.offset + 1, ...change(image) });
  });
}

describe('all checkers', () => {
  it('have unique names, and accept a cluster that works and loses its leader', () => {
    expect(new Set(checkerKinds.map(({ name }) => name)).size).toBe(checkerKinds.length);
    const found = violationOf(() => {
      const small = new SmallCluster(checkerKinds, 3);
      for (let i = 0; i < 3; i++) small.produce(batch);
      const first = small.leader;
      first.kill('process');
      small.until(() => small.state.leader >= 0 && small.leader !== first);
      first.start();
      small.until(() => small.state.isr.length === 3);
      small.run(1);
      for (let i = 0; i < 3; i++) small.produce(batch);
      small.createTopic('u');
      small.finish();
    });
    expect(found).toBeUndefined();
  });
});

describe('replicas-differ', () => {
  it('sees a changed byte on a disk that counts as intact', () => {
    const small = new SmallCluster([replicasDiffer]);
    small.produce(batch);
    small.produce(batch);
    expect(violationOf(() => small.finish())).toBeUndefined();
    const follower = small.followers[0]!;
    const content = follower.disk.tree.file('/data/t-0/00000000000000000000.log')!;
    content.write(content.length - 1, new Uint8Array([0xff]));
    expect(violationOf(() => small.finish())).toMatch(
      new RegExp(`^replicas-differ: ${follower.name} holds another batch at 1 than was committed`),
    );
    follower.disk.isDamaged = true;
    expect(violationOf(() => small.finish())).toBeUndefined();
  });

  it('sees a follower whose high watermark is above that of every leader', () => {
    const small = new SmallCluster([replicasDiffer]);
    small.produce(batch);
    const follower = small.followers[0]!;
    const replica = small.replica(follower);
    const found = violationOf(() =>
      small.corrupt(follower, () => {
        replica.highWatermark += 1;
      }),
    );
    expect(found).toMatch(/^replicas-differ: .* takes 2 for committed before any leader did in t-0/);
  });
});

describe('high-watermark-fell', () => {
  it('sees it fall, except on a broker whose disk is known to be damaged', () => {
    const small = new SmallCluster([highWatermarkFell]);
    small.produce(batch);
    const [first, second] = small.followers as [SimNode, SimNode];
    second.disk.isDamaged = true;
    const fall = (node: SimNode) => () => small.corrupt(node, () => (small.replica(node).highWatermark = 0));
    expect(violationOf(fall(second))).toBeUndefined();
    expect(violationOf(fall(first))).toMatch(/^high-watermark-fell: .* of t-0 fell from 1 to 0/);
  });

  it('sees it outside of the log', () => {
    const small = new SmallCluster([highWatermarkFell]);
    const rise = () => small.corrupt(small.leader, () => (small.replica(small.leader).highWatermark = 5));
    expect(violationOf(rise)).toMatch(/^high-watermark-fell: .* lies outside of its log 0..0/);
  });
});

describe('two-leaders', () => {
  it('sees a second leader of a partition in the same epoch', () => {
    const small = new SmallCluster([twoLeaders]);
    const { leadership } = small.replica(small.leader);
    const follower = small.followers[0]!;
    const lead = () => small.corrupt(follower, () => (small.replica(follower).leadership = leadership));
    expect(violationOf(lead)).toMatch(/^two-leaders: nodes . and . both led t-0 in one epoch/);
  });

  it('sees a second leader of the quorum in the same epoch', () => {
    const small = new SmallCluster([twoLeaders], 3);
    const other = small.cluster.controllers.find((node) => node !== small.cluster.activeController())!;
    const lead = () => small.corrupt(other, () => (other.roles!.controller!.quorum!.node.role = 'leader'));
    expect(violationOf(lead)).toMatch(/^two-leaders: .* both led the quorum/);
  });
});

describe('isr-lacks-data', () => {
  it('sees a replica that may lead and lost its log, unless the contract covers that and it has not registered since', () => {
    const small = new SmallCluster([isrLacksData, replicasDiffer]);
    small.produce(batch);
    const [first, second] = small.followers as [SimNode, SimNode];
    second.disk.isDamaged = true;
    decree(small, ({ state: { brokers } }) => {
      const registration = brokers.get(second.id)!;
      return { brokers: brokers.set(second.id, { ...registration, epoch: registration.epoch + 1 }) };
    });
    const cut = (node: SimNode) => () => small.corrupt(node, () => small.replica(node).log.truncateTo(0));
    expect(violationOf(cut(second))).toBeUndefined();
    expect(violationOf(cut(first))).toMatch(
      new RegExp(`^isr-lacks-data: ${first.name} may lead t-0 .* ends at 0, but 1 is committed`),
    );
  });

  it('sees the same for a member of the ELR', () => {
    const small = new SmallCluster([isrLacksData, replicasDiffer]);
    small.produce(batch);
    const [follower] = small.followers as [SimNode];
    const topic = small.cluster.image().topic('t')!;
    const [state] = topic.partitions;
    const isr = state!.isr.filter((id) => id !== follower.id);
    const partitions = [{ ...state!, isr, elr: [follower.id] }];
    decree(small, (image) => ({
      topicsById: image.state.topicsById.set(topic.id, { ...topic, partitions }),
    }));
    const cut = () => small.corrupt(follower, () => small.replica(follower).log.truncateTo(0));
    expect(violationOf(cut)).toMatch(/^isr-lacks-data: .* may lead t-0 .* ELR .* ends at 0, but 1 is/);
  });
});

describe('zombie-leader', () => {
  it.each([true, false])('checks whether a replaced leader holds a lease: %s', (holdsLease) => {
    const small = new SmallCluster([zombieLeader]);
    const { leader } = small;
    leader.life!.pause();
    // Not because of its silence, so its lease may last for a while.
    for (const { name } of small.cluster.controllers) small.network.reset(leader.name, name);
    small.until(() => small.state.leader >= 0 && small.leader !== leader);
    small.run(5);
    if (holdsLease) Object.defineProperty(leader.roles!.broker!.replicas, 'holdsLease', { value: true });
    const found = violationOf(() => {
      leader.life!.resume();
      small.run(3);
    });
    if (holdsLease) expect(found).toMatch(/^zombie-leader: .* leads t-0 in epoch 0 with a lease/);
    else expect(found).toBeUndefined();
  });
});

describe('zombie-leader, for a fenced broker', () => {
  it.each([
    ['because it was silent', true],
    ['because its control stream ended', false],
  ])('%s: checks whether it holds a lease at that moment: %s', (_why, isSilent) => {
    const small = new SmallCluster([zombieLeader], 1);
    const { leader } = small;
    const { id, name } = leader;
    const [controller] = small.cluster.controllers;
    Object.defineProperty(leader.roles!.broker!.replicas, 'holdsLease', { value: true });
    const found = violationOf(() => {
      if (isSilent) leader.life!.pause();
      else {
        small.network.cut(name, controller!.name);
        small.network.reset(name, controller!.name);
      }
      small.until(() => small.cluster.image().broker(id)!.fenced);
    });
    if (isSilent)
      expect(found).toBe(`zombie-leader: ${name} holds a lease, but it is fenced because it was silent`);
    else expect(found).toBeUndefined();
  });
});

describe('zombie-leader, for a broker that stops cleanly', () => {
  it('does not take a session that ended in silence after one fence for the reason of the next fence', () => {
    const small = new SmallCluster([zombieLeader], 1);
    const [broker] = small.followers;
    const { id } = broker!;
    const isFenced = () => small.cluster.image().broker(id)!.fenced;
    const found = violationOf(() => {
      broker!.stop();
      small.until(isFenced);
      small.run(3);
      // As if the broker had closed its control stream and its session had ended only now.
      const { epoch } = small.cluster.image();
      for (const watch of small.world.logWatchers)
        watch(broker!.life!, 'broker-session-ended', { brokerId: id, reason: 'silent', epoch });
      broker!.start();
      small.until(() => !isFenced());
      small.run(1);
      Object.defineProperty(broker!.roles!.broker!.replicas, 'holdsLease', { value: true });
      broker!.stop();
      small.until(isFenced);
    });
    expect(found).toBeUndefined();
  });
});

describe('dead-broker-unfenced', () => {
  it.each([true, false])('checks whether the controller forgets a dead broker: %s', (forgets) => {
    const small = new SmallCluster([deadBrokerUnfenced]);
    const { sessions } = controllerOf(small.cluster.controllers[0]!);
    if (forgets) sessions.takeExpired = () => [];
    const found = violationOf(() => {
      small.followers[0]!.kill('process');
      small.run(20);
    });
    if (forgets) expect(found).toMatch(/^dead-broker-unfenced: broker . .* is not fenced/);
    else expect(found).toBeUndefined();
  });

  it('sees that the controller unfences a registration of a dead process', () => {
    const small = new SmallCluster([deadBrokerUnfenced]);
    const dead = small.followers[0]!;
    dead.kill('process');
    small.run(25);
    const unfence = () =>
      decree(small, ({ state }) => ({
        brokers: state.brokers.set(dead.id, { ...state.brokers.get(dead.id)!, fenced: false }),
      }));
    expect(violationOf(unfence)).toMatch(/^dead-broker-unfenced: .* was unfenced, but it died/);
  });
});

describe('metadata', () => {
  it('metadata-went-back: sees an image that is older than before', () => {
    const small = new SmallCluster([metadataWentBack]);
    const node = small.cluster.controllers[0]!;
    const forget = () => small.corrupt(node, () => (controllerOf(node).image = MetadataImage.EMPTY));
    expect(violationOf(forget)).toMatch(
      /^metadata-went-back: the controller image of c1 went from \d+ back to -1/,
    );
  });

  it('metadata-differs: sees another committed batch on another controller', () => {
    const small = new SmallCluster([metadataDiffers], 3);
    const other = small.cluster.controllers.find((node) => node !== small.cluster.activeController())!;
    const { log } = other.roles!.controller!.quorum!.node;
    const read = log.read.bind(log);
    log.read = (from, end, maxBytes) =>
      read(from, end, maxBytes).map((one) => ({ ...one, epoch: one.epoch + 1 }));
    expect(violationOf(() => small.createTopic('u'))).toMatch(/^metadata-differs: .* has another batch at/);
  });

  it('metadata-differs: sees an image that differs from the log', () => {
    const small = new SmallCluster([metadataDiffers]);
    expect(violationOf(() => small.finish())).toBeUndefined();
    const broker = small.leader.roles!.broker!;
    const { image } = broker.metadata;
    broker.metadata.image = new MetadataImage({ ...image.state, nextProducerId: 12_345 });
    expect(violationOf(() => small.finish())).toMatch(
      /^metadata-differs: the image of .* is not what the log says/,
    );
  });

  it('lost-metadata: sees a topic that is missing, or has another id, or fewer partitions', () => {
    const id = (image: MetadataImage) => image.topic('t')!.id;
    const gone = (image: MetadataImage) => ({ topicIds: image.state.topicIds.delete('t') });
    const renamed = (image: MetadataImage) => ({
      topicsById: image.state.topicsById.set(id(image), { ...image.topic('t')!, id: 'other' as never }),
    });
    const shrunk = (image: MetadataImage) => ({
      topicsById: image.state.topicsById.set(id(image), { ...image.topic('t')!, partitions: [] }),
    });
    for (const [change, what] of [
      [gone, /t does not exist/],
      [renamed, /t has another id/],
      [shrunk, /t had 1 partitions and has 0/],
    ] as const) {
      const small = new SmallCluster([lostMetadata]);
      expect(violationOf(() => small.finish())).toBeUndefined();
      decree(small, change);
      const found = violationOf(() => small.finish());
      expect(found).toMatch(/^lost-metadata: /);
      expect(found).toMatch(what);
      small.exempt.add('t');
      expect(violationOf(() => small.finish())).toBeUndefined();
    }
  });

  it('lost-metadata: sees a topic that exists although its deletion was acknowledged', () => {
    const small = new SmallCluster([lostMetadata]);
    const topic = small.cluster.image().topic('t')!;
    let isDone = false;
    small.admin.deleteTopic('t', () => {
      isDone = true;
    });
    small.until(() => isDone);
    expect(violationOf(() => small.finish())).toBeUndefined();
    decree(small, ({ state }) => ({ topicsById: state.topicsById.set(topic.id, topic) }));
    expect(violationOf(() => small.finish())).toMatch(
      /^lost-metadata: t exists, but its deletion was acknowledged/,
    );
  });
});

describe('folder-unknown', () => {
  it('sees a folder that no metadata record ever named', () => {
    const small = new SmallCluster([folderUnknown]);
    const follower = small.followers[0]!;
    follower.kill('process');
    const { tree } = follower.disk;
    tree.makeFolder('/data/ghost-0');
    tree
      .create('/data/ghost-0/partition.metadata')
      .write(0, TEXT.encode('version: 0\ntopic_id: ghostghostghostghostgA\n'));
    follower.start();
    const found = violationOf(() => small.run(5));
    expect(found).toBe(`folder-unknown: ${follower.name} set a folder aside that no metadata record removed`);
  });
});
