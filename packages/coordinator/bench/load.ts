/**
 * Measures how a coordinator loads its groups after a failover: the CPU time of each load, and the memory of
 * the loaded groups. The first load runs code that V8 has not compiled yet. The logs are in memory.
 *
 *     node --max-semi-space-size=8 --heap-growing-percent=50 packages/coordinator/bench/load.ts \
 *         [consumer|classic|offsets] [groups] [loads]
 *
 * The two flags are those of a broker's process. With `offsets` the groups have no members.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Prng, type Uuid } from '@millrace/base';
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import { Metrics } from '@millrace/metrics';
import { buildBatch, ErrorCode, groupRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { ReadWanted } from '@millrace/replication';
import {
  assignmentRecord,
  encodeRecord,
  groupEpochRecord,
  memberMetadataRecord,
  targetEpochRecord,
  targetRecord,
} from '../src/consumer/group-records.ts';
import { newMember } from '../src/consumer/member.ts';
import { withEpoch } from '../src/consumer/topic-partitions.ts';
import { CoordinatorMetrics, GroupCoordinator, keyPartition } from '../src/index.ts';
import { encodeOffset } from '../src/offsets/offset-record.ts';
import type { CoordinatorRecord } from '../src/runtime/machine.ts';
import { FakePartitions } from '../test/support/fake-partitions.ts';
import { groupsConfig } from '../test/support/machine-host.ts';
import { imageWithOffsetsTopic } from '../test/support/topic-records.ts';

const SHARDS = 8;
const MEMBERS = 10;
const PARTITIONS = 100;
/** How often each member commits its ten partitions. */
const COMMITS = 2;
/** A broker packs about one commit or two into a batch. */
const BATCH_RECORDS = 20;
const TURN_BYTES = 256 * 1024;
const NOW = 1_700_000_000_000;
const TOPIC = 'topic-failover';
const TOPIC_UUID = 'AAAAAAAAAAAAAAAAAAAAZA' as Uuid;

const [kind = 'consumer', groupsText = '1000', loadsText = '8'] = process.argv.slice(2);
const groups = Number(groupsText);
if (!['consumer', 'classic', 'offsets'].includes(kind) || !(groups >= 1) || !(Number(loadsText) >= 2))
  throw new Error('usage: load.ts [consumer|classic|offsets] [groups] [loads, at least 2]');

class Logs extends FakePartitions {
  readonly pieces = new Map<number, Uint8Array[]>();
  private readonly ends = new Map<number, number>();

  /** Appends the records in batches, and cuts the log into pieces of a turn. */
  fill(index: number, records: readonly CoordinatorRecord[]): void {
    const batches: Uint8Array[] = [];
    let end = 0;
    for (let at = 0; at < records.length; at += BATCH_RECORDS) {
      const part = records.slice(at, at + BATCH_RECORDS);
      batches.push(buildBatch({ records: part, baseTimestamp: NOW, baseOffset: end }));
      end += part.length;
    }
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < batches.length; ) {
      const piece: Uint8Array[] = [];
      for (let bytes = 0; at < batches.length && bytes < TURN_BYTES; bytes += batches[at++]!.length)
        piece.push(batches[at]!);
      // A broker reads into a Uint8Array, not into a Buffer.
      pieces.push(new Uint8Array(Buffer.concat(piece)));
    }
    this.pieces.set(index, pieces);
    this.ends.set(index, end);
  }

  override end(index: number): number {
    return this.ends.get(index)!;
  }

  override read(_topicId: Uuid, index: number, wanted: ReadWanted): () => void {
    this.clock.setTimer(1, () => {
      for (const piece of this.pieces.get(index)!) wanted.batches(piece);
      wanted.done(ErrorCode.NONE, this.end(index));
    });
    return () => {};
  }
}

function recordsOf(groupId: string, random: Prng): CoordinatorRecord[] {
  const ids = Array.from({ length: MEMBERS }, () => random.uuid());
  if (kind === 'classic') return classicRecords(groupId, ids);
  return kind === 'consumer' ? consumerRecords(groupId, ids) : [];
}

/** The records of a group whose members join one after the other, with three assignments. */
function consumerRecords(groupId: string, ids: readonly Uuid[]): CoordinatorRecord[] {
  const records: CoordinatorRecord[] = [];
  const add = (record: Parameters<typeof encodeRecord>[0]) => records.push(encodeRecord(record));
  const fields = { clientId: 'bench', clientHost: '/127.0.0.1', rebalanceTimeoutMs: 60_000 };
  const metadata = { ...newMember(''), ...fields, subscribedTopicNames: [TOPIC] };
  for (const [at, memberId] of ids.entries()) {
    const count = at + 1;
    add(memberMetadataRecord(groupId, memberId, metadata));
    add(groupEpochRecord(groupId, { epoch: count, metadataHash: 123_456_789_012_345 }));
    if (at !== 0 && at !== 4 && at !== MEMBERS - 1) continue;
    const present = ids.slice(0, count);
    const target = (place: number) => {
      const partitions = Array.from({ length: PARTITIONS }, (_, index) => index);
      return new Map([[TOPIC_UUID, partitions.filter((index) => index % count === place)]]);
    };
    for (const [place, id] of present.entries()) add(targetRecord(groupId, id, target(place)));
    add(targetEpochRecord(groupId, { assignmentEpoch: count, assignmentTimestamp: NOW }));
    for (const epoch of [count - 1, count])
      for (const [place, id] of present.entries()) {
        const assigned = withEpoch(target(place), epoch);
        const assignment = { ...metadata, memberEpoch: epoch, previousMemberEpoch: epoch - 1, assigned };
        add(assignmentRecord(groupId, id, assignment));
      }
  }
  return records;
}

/** The records of a group that rebalances three times. */
function classicRecords(groupId: string, ids: readonly Uuid[]): CoordinatorRecord[] {
  const { key, value } = groupRecords.groupMetadata;
  return [1, 5, MEMBERS].map((count) => ({
    key: key.encode({ group: groupId }),
    value: value.encode(3, {
      protocolType: 'consumer',
      generation: count,
      protocol: 'range',
      leader: ids[0]!,
      currentStateTimestamp: NOW,
      members: ids.slice(0, count).map((memberId) => ({
        memberId,
        clientId: 'bench',
        clientHost: '/127.0.0.1',
        rebalanceTimeout: 60_000,
        sessionTimeout: 45_000,
        subscription: new Uint8Array(40),
        assignment: new Uint8Array(80),
      })),
    }),
  }));
}

function commitRecords(group: string, member: number, round: number): CoordinatorRecord[] {
  return Array.from({ length: PARTITIONS / MEMBERS }, (_, at) => {
    const value = { offset: round * 7 + 1, leaderEpoch: -1, metadata: '', expireTimestamp: -1 };
    const key = { group, topic: TOPIC, partition: at * MEMBERS + member };
    return encodeOffset(key, { ...value, commitTimestamp: NOW + round, topicId: TOPIC_UUID });
  });
}

function filledLogs(clock: ManualClock): Logs {
  const logs = new Logs(clock);
  const random = new Prng(1);
  const records = Array.from({ length: SHARDS }, (): CoordinatorRecord[] => []);
  const ids = Array.from({ length: groups }, (_, at) => `group-failover-${kind}-${at}`);
  const shard = (id: string) => records[keyPartition(id, SHARDS)]!;
  for (const id of ids) shard(id).push(...recordsOf(id, random));
  // The members of different groups take turns.
  for (let round = 0; round < COMMITS; round++)
    for (let member = 0; member < MEMBERS; member++)
      for (const id of ids) shard(id).push(...commitRecords(id, member, round));
  for (const [index, list] of records.entries()) logs.fill(index, list);
  return logs;
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function heapMb(): number {
  gc();
  gc();
  return process.memoryUsage().heapUsed / 1e6;
}

const clock = new ManualClock();
const logs = filledLogs(clock);
const image = imageWithOffsetsTopic(SHARDS);
const times: number[] = [];
let records = 0;
let coordinator: GroupCoordinator | undefined;
for (let load = 0; load < Number(loadsText); load++) {
  coordinator?.stop();
  const logger = new MemoryLogger();
  coordinator = new GroupCoordinator({
    coordination: logs,
    clock,
    random: new Prng(2),
    logger,
    metrics: new CoordinatorMetrics(new Metrics()),
    codecs: compressionCodecs,
    config: groupsConfig,
    countRebalance: () => {},
    image: () => image,
  });
  gc();
  const before = process.cpuUsage();
  for (let index = 0; index < SHARDS; index++) logs.lead(index, load);
  clock.advance(2);
  const { user, system } = process.cpuUsage(before);
  const loads = logger.events.filter(({ event }) => event === 'coordinator-loaded');
  if (loads.length !== SHARDS) throw new Error(`${loads.length} of ${SHARDS} shards have loaded`);
  records = loads.reduce((sum, { facts }) => sum + Number(facts['records']), 0);
  times.push((user + system) / 1000);
}
const loadedMb = heapMb();
coordinator?.stop();
coordinator = undefined;
const groupsMb = loadedMb - heapMb();
const [cold = 0, ...warm] = times;
const shown = warm.map((ms) => ms.toFixed(0)).join(' ');
process.stdout.write(
  `${groups} groups (${kind}), ${records} records: CPU of the first load ${cold.toFixed(0)} ms, ` +
    `of later loads ${shown} ms (best ${((Math.min(...warm) * 1000) / records).toFixed(2)} us a record); ` +
    `the groups take ${groupsMb.toFixed(1)} MB\n`,
);
