/**
 * What an administrator was acknowledged stays: a topic that was created is there under the same id with at
 * least the partitions it had, until somebody asks for its deletion; one whose deletion was acknowledged does
 * not come back. (Its name may: an attempt to create it that nobody answered can be carried out late.)
 */
import type { Uuid } from '@millrace/base';
import type { AdminOp, Op } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'lost-metadata';

export const lostMetadata: CheckerKind = {
  name: NAME,
  sentence: 'topics that were created exist, those that were deleted do not',
  make: (scope) => new LostMetadata(scope),
};

interface KnownTopic {
  id: Uuid | undefined;
  partitions: number;
  isDeleteAsked: boolean;
  isDeleted: boolean;
}

class LostMetadata {
  private readonly scope: CheckScope;
  private readonly topics = new Map<string, KnownTopic>();

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'admin') return;
    if (op.api === 'DeleteTopics') this.deleted(op);
    else if (op.outcome === 'ok') this.present(op.topic, `${op.api} was acknowledged`, { surely: false });
  }

  finish(): void {
    for (const [name, topic] of this.topics) {
      if (!topic.isDeleteAsked && !this.isDeleteAsked(name))
        this.present(name, 'it was acknowledged', { surely: true });
      else if (topic.isDeleted) this.absent(name, topic);
    }
  }

  private deleted(op: AdminOp): void {
    const topic = this.topics.get(op.topic);
    if (topic === undefined) return;
    topic.isDeleteAsked = true;
    if (op.outcome !== 'ok') return;
    topic.isDeleted = true;
    this.absent(op.topic, topic);
  }

  /**
   * Not `surely`: whoever committed it may have died in that turn, and nobody else may have heard of it yet.
   */
  private present(name: string, why: string, { surely }: { surely: boolean }): void {
    if (this.isDeleteAsked(name)) return;
    const image = this.scope.metadata.newest.topic(name);
    const known = this.topics.get(name) ?? {
      id: image?.id,
      partitions: 0,
      isDeleteAsked: false,
      isDeleted: false,
    };
    this.topics.set(name, known);
    const { world } = this.scope;
    if (image === undefined) {
      if (surely) world.fail(NAME, `${name} does not exist, but ${why}`);
      return;
    }
    known.id ??= image.id;
    if (image.id !== known.id) world.fail(NAME, `${name} has another id than when ${why}`);
    if (image.partitions.length < known.partitions)
      world.fail(NAME, `${name} had ${known.partitions} partitions and has ${image.partitions.length}`);
    known.partitions = image.partitions.length;
  }

  private absent(name: string, { id }: KnownTopic): void {
    if (id !== undefined && this.scope.metadata.newest.topicById(id) !== undefined)
      this.scope.world.fail(NAME, `${name} exists, but its deletion was acknowledged`);
  }

  private isDeleteAsked(name: string): boolean {
    return this.topics.get(name)?.isDeleteAsked === true || this.scope.isDeleted(name);
  }
}
