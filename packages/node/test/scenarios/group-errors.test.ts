/**
 * Goal: each error that Kafka's reference names for groups and committed offsets has a request that provokes
 * it over TCP. Method: a table of requests (test/support/group-errors), on one cluster whose brokers stop or
 * die one after the other:
 *
 *     no __consumer_offsets yet -> three brokers -> one stops -> one dies -> the last one starts again
 *
 * No row provokes the errors of ACLs (29, 30, 31, 53) and of transactions (88, and all of TxnOffsetCommit),
 * because Millrace has neither yet. `unansweredErrors` lists them, and the few others that Millrace never
 * answers, with the reason for each.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Uuid } from '@millrace/base';
import { keyPartition } from '@millrace/coordinator';
import { OFFSETS_TOPIC } from '@millrace/metadata';
import { ErrorCode, errorName } from '@millrace/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningCluster, startCluster } from '../../src/index.ts';
import { eventually, TestClient } from '../support/client.ts';
import { adminRows } from '../support/group-errors/admin-rows.ts';
import { consumerRows, migrationDisabledRows } from '../support/group-errors/consumer-rows.ts';
import {
  elsewhereRows,
  leaderlessRows,
  loadingRows,
  movedRows,
  type PreparedRow,
  uncommittedRows,
  underMinIsrRows,
  withoutTopicRows,
} from '../support/group-errors/fault-rows.ts';
import { fullGroupRows } from '../support/group-errors/full-group-rows.ts';
import { joinRows } from '../support/group-errors/join-rows.ts';
import { membershipRows } from '../support/group-errors/membership-rows.ts';
import { namedErrors, unansweredErrors } from '../support/group-errors/named-errors.ts';
import { offsetRows } from '../support/group-errors/offset-rows.ts';
import { errorsIn, type Row } from '../support/group-errors/row.ts';
import { Scene, type Stage, TOPIC } from '../support/group-errors/scene.ts';

/**
 * The three brokers have different settings for groups. RIGID stops first, then USUAL dies, so STRICT is
 * left. The two replicas of a partition of `__consumer_offsets` are in different racks.
 */
const [USUAL, STRICT, RIGID] = [2, 3, 4];
const BROKERS = [USUAL, STRICT, RIGID];
const HIGH_WATERMARKS = 'replication-offset-checkpoint';
const settings = {
  'min.insync.replicas': 2,
  'offsets.topic.num.partitions': 3,
  'offsets.topic.replication.factor': 2,
  // After a broker dies, it stays in the ISR for this time, so no record is committed meanwhile.
  'broker.session.loss.grace.ms': 3_000,
};
const ownSettings: Readonly<Record<number, Record<string, string>>> = {
  [USUAL]: { 'broker.rack': 'a' },
  [STRICT]: {
    'broker.rack': 'b',
    'group.max.size': '2',
    'group.consumer.max.size': '2',
    'offsets.commit.timeout.ms': '1000',
  },
  [RIGID]: { 'broker.rack': 'b', 'group.consumer.migration.policy': 'disabled' },
};

let cluster: RunningCluster;
let topicId: Uuid;
/** The brokers of each partition of `__consumer_offsets`; the first broker leads while it lives. */
let replicas: (readonly number[])[] = [];
let groups = 0;

beforeAll(async () => {
  cluster = await startCluster({
    controllers: 1,
    brokers: BROKERS.length,
    settings,
    nodeSettings: ({ id }) => ownSettings[id] ?? {},
  });
  const client = await TestClient.connect(cluster.node(USUAL).port!);
  await client.createTopic(TOPIC, 2, BROKERS.length);
  topicId = (await client.metadata(TOPIC)).topics[0]!.topicId;
  client.close();
}, 20_000);

afterAll(() => cluster.stop(), 20_000);

function stageOn(coordinator: number): Stage {
  const other = BROKERS.find((id) => id !== coordinator && cluster.node(id).running !== undefined);
  return {
    port: cluster.node(coordinator).port!,
    otherPort: cluster.node(other ?? coordinator).port!,
    topicId,
  };
}

/** A new group whose partition of `__consumer_offsets` is wanted. */
function newGroup(isWanted: (partition: number) => boolean): string {
  for (;;) {
    const group = `group-${groups++}`;
    if (replicas.length === 0 || isWanted(keyPartition(group, replicas.length))) return group;
  }
}

/** A new group that this broker coordinates until the broker stops or dies. */
const groupOf = (coordinator: number) => newGroup((partition) => replicas[partition]![0] === coordinator);

async function provoke({ code, place, provoke: ask }: Row, scene: Scene): Promise<void> {
  const found = errorsIn(await ask(scene)).map(([where, number]) => `${where}: ${errorName(number)}`);
  expect(found).toEqual(code === 'NONE' ? [] : [`${place}: ${code}`]);
}

async function provokeOn(coordinator: number, row: Row, group = groupOf(coordinator)): Promise<void> {
  const scene = await Scene.open(group, stageOn(coordinator));
  try {
    await provoke(row, scene);
  } finally {
    scene.close();
  }
}

const titled = (rows: readonly Row[]) =>
  rows.map((row): [title: string, row: Row] => {
    const { api, version, situation, code, rule } = row;
    return [`${api.name} v${version}, ${situation}: ${code} (${rule})`, row];
  });

/** Opens a scene for each row, and prepares its group. */
async function prepareOn(coordinator: number, rows: readonly PreparedRow[]): Promise<Map<Row, Scene>> {
  const scenes = new Map<Row, Scene>();
  for (const { row, prepare } of rows) {
    const scene = await Scene.open(groupOf(coordinator), stageOn(coordinator));
    scenes.set(row, scene);
    const member = await prepare(scene);
    if (typeof member === 'string') scene.member = member;
  }
  return scenes;
}

async function offsetsTopic(asked: number) {
  const client = await TestClient.connect(cluster.node(asked).port!);
  const { topics } = await client.metadata(OFFSETS_TOPIC);
  client.close();
  return topics[0]!.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
}

describe('before the first group', () => {
  test.each(titled(withoutTopicRows))('%s', (_title, row) => provokeOn(USUAL, row));
});

describe('three brokers', () => {
  beforeAll(async () => {
    replicas = await eventually(async () => {
      const partitions = await offsetsTopic(USUAL);
      const isServed = partitions.every(({ leaderId, isrNodes }) => leaderId > 0 && isrNodes.length === 2);
      return partitions.length === 3 && isServed ? partitions.map((one) => one.replicaNodes) : undefined;
    });
    expect(replicas.map(([leader]) => leader).toSorted()).toEqual(BROKERS);
    for (const id of BROKERS) await eventually(() => serves(id));
  });

  /** True once the broker has loaded the partition of `__consumer_offsets` that it leads. */
  async function serves(id: number): Promise<true | undefined> {
    const scene = await Scene.open(groupOf(id), stageOn(id));
    try {
      await scene.simple();
      return true;
    } catch {
      return undefined;
    } finally {
      scene.close();
    }
  }

  test.each(titled([...joinRows, ...membershipRows, ...offsetRows, ...consumerRows, ...adminRows]))(
    '%s',
    (_title, row) => provokeOn(USUAL, row),
  );
  test.each(titled(fullGroupRows))('%s', (_title, row) => provokeOn(STRICT, row));
  test.each(titled(migrationDisabledRows))('%s', (_title, row) => provokeOn(RIGID, row));
  test.each(titled(elsewhereRows))('%s', (_title, row) => provokeOn(USUAL, row));
});

describe('brokers stop and die', () => {
  /** The partition that STRICT always leads, and the partition of which STRICT has no replica. */
  let [own, foreign] = [-1, -1];
  let underMinIsr: Map<Row, Scene>;

  beforeAll(async () => {
    own = replicas.findIndex(([leader]) => leader === STRICT);
    foreign = replicas.findIndex(([leader]) => leader === RIGID);
    expect([replicas[own], replicas[foreign]]).toEqual([
      [STRICT, USUAL],
      [RIGID, USUAL],
    ]);
    underMinIsr = await prepareOn(STRICT, underMinIsrRows);
  });

  afterAll(() => close(underMinIsr));

  test('a broker stops: requests that wait get NOT_COORDINATOR', async () => {
    const scenes = await prepareOn(RIGID, movedRows);
    const waiting = [...scenes].map(([row, scene]) => provoke(row, scene));
    for (const [{ api }, scene] of scenes)
      if (api.name === 'JoinGroup') await scene.untilRebalancing(await scene.connect());
    await cluster.stopNode(RIGID);
    await Promise.all(waiting);
    close(scenes);
  });

  describe('one of three dies', () => {
    /** Each request waits for the same timeout, so all requests are sent before the first test. */
    const waiting = new Map<Row, Promise<void>>();
    let scenes: Map<Row, Scene>;

    beforeAll(async () => {
      scenes = await prepareOn(
        STRICT,
        uncommittedRows.map((row) => ({ row, prepare: async () => {} })),
      );
      await cluster.kill(USUAL);
      await Promise.all([...scenes.values()].map((scene) => scene.commitInVain()));
      for (const [row, scene] of scenes) {
        const provoked = provoke(row, scene);
        provoked.catch(() => {});
        waiting.set(row, provoked);
      }
    });

    afterAll(() => close(scenes));

    test.each(titled(uncommittedRows))('%s', (_title, row) => waiting.get(row));
  });

  describe('one of three is left', () => {
    beforeAll(async () => {
      await eventually(async () => {
        const partitions = await offsetsTopic(STRICT);
        return (partitions[own]!.isrNodes.length === 1 && partitions[foreign]!.leaderId === -1) || undefined;
      });
    });

    test.each(titled(underMinIsrRows.map(({ row }) => row)))('%s', (_title, row) =>
      provoke(row, underMinIsr.get(row)!),
    );
    test.each(titled(leaderlessRows))('%s', (_title, row) =>
      provokeOn(
        STRICT,
        row,
        newGroup((partition) => partition === foreign),
      ),
    );
  });

  describe('the last one starts again', () => {
    beforeAll(async () => {
      await cluster.stopNode(STRICT);
      // Without the file of high watermarks, the broker does not know which records are committed. One broker
      // alone cannot commit them, because min ISR is 2.
      await rm(join(cluster.directory, `node-${STRICT}`, HIGH_WATERMARKS));
      await cluster.startNode(STRICT);
      // A broker that just started may not know the topic yet.
      await eventually(async () => (await offsetsTopic(STRICT))[own]?.leaderId === STRICT || undefined);
    });

    test.each(titled(loadingRows))('%s', (_title, row) => provokeOn(STRICT, row));
  });
});

function close(scenes: ReadonlyMap<Row, Scene>): void {
  for (const scene of scenes.values()) scene.close();
}

describe('the table', () => {
  const rows = [
    ...[joinRows, membershipRows, offsetRows, consumerRows, adminRows, fullGroupRows, migrationDisabledRows],
    ...[withoutTopicRows, elsewhereRows, uncommittedRows, leaderlessRows, loadingRows],
    ...[movedRows, underMinIsrRows].map((prepared) => prepared.map(({ row }) => row)),
  ].flat();
  const named = Object.entries(namedErrors).flatMap(([api, codes]) => codes.map((code) => `${api} ${code}`));

  test('provokes each error that the reference names for each API, and no other', () => {
    const provoked = new Set(rows.map(({ api, code }) => `${api.name} ${code}`));
    expect([...provoked].toSorted()).toEqual(named.toSorted());
  });

  test('lacks only errors that Millrace never answers', () => {
    for (const { apis, code } of unansweredErrors) {
      expect(ErrorCode[code]).toBeDefined();
      for (const api of apis) expect(named).not.toContain(`${api} ${code}`);
    }
  });
});
