/**
 * No acknowledged change of an administrator is lost. A created topic exists under the same id with at least
 * its partitions, until a client asks to delete it. A deleted topic does not come back. Another topic of its
 * name may appear: the controller can carry out an unanswered creation late.
 */
import type { Uuid } from '@millrace/base';
import type { AdminOp, Op } from '@millrace/checkers';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'lost-metadata';

export const lostMetadata: StateCheckerKind = {
  name: NAME,
  sentence: 'created topics exist, and deleted topics do not',
  make: (scope) => new LostMetadata(scope),
};

interface KnownTopic {
  id: Uuid | undefined;
  partitions: number;
  isDeleteAsked: boolean;
  isDeleted: boolean;
}

class LostMetadata {
  private readonly scope: StateScope;
  private readonly topics = new Map<string, KnownTopic>();

  constructor(scope: StateScope) {
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
   * Without `surely` the topic may be missing: the controller that committed it may have died in that turn,
   * and no other node may know it yet.
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
    return this.topics.get(name)?.isDeleteAsked === true || this.scope.isExempt(name);
  }
}
