/**
 * No acknowledged change of an administrator is lost. Until a client asks to delete it, a created topic
 * exists under the same id, and has at least the partitions that it was given. A deleted topic does not come
 * back. Another topic of the same name may appear, because an unanswered request to create it may reach the
 * controller late.
 */
import type { Uuid } from '@millrace/base';
import type { AdminOp, Op } from '@millrace/checkers';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'lost-metadata';

export const lostMetadata: StateCheckerKind = {
  name: NAME,
  sentence: 'a created topic exists until a client deletes it, and a deleted topic does not come back',
  make: (scope) => new LostMetadata(scope),
};

interface KnownTopic {
  id: Uuid | undefined;
  /** The id of the deleted topic that had the name before. */
  readonly earlierId: Uuid | undefined;
  partitions: number;
  isDeleteAsked: boolean;
}

class LostMetadata {
  private readonly scope: StateScope;
  /** The latest topic of each name. */
  private readonly topics = new Map<string, KnownTopic>();
  private readonly deletedTopics: { readonly name: string; readonly id: Uuid }[] = [];

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'admin') return;
    if (op.api === 'DeleteTopics') this.deleted(op);
    else if (op.outcome === 'ok') {
      if (op.api === 'CreateTopics') this.created(op.topic);
      this.present(op.topic, `${op.api} was acknowledged`, { surely: false });
    }
  }

  finish(): void {
    for (const name of this.topics.keys())
      if (!this.isDeleteAsked(name)) this.present(name, 'it was acknowledged', { surely: true });
    for (const { name, id } of this.deletedTopics) this.absent(name, id);
  }

  private created(name: string): void {
    const before = this.topics.get(name);
    if (before !== undefined && !this.isDeleteAsked(name)) return;
    const fresh = { id: undefined, earlierId: before?.id, partitions: 0, isDeleteAsked: false };
    this.topics.set(name, fresh);
  }

  private deleted(op: AdminOp): void {
    const topic = this.topics.get(op.topic);
    if (topic === undefined) return;
    topic.isDeleteAsked = true;
    const id = op.topicId ?? topic.id;
    if (op.outcome !== 'ok' || id === undefined) return;
    // The checker judges the deletion at the end of the run. The controller that committed the deletion may
    // have died in that turn, and perhaps no other node knows it yet.
    this.deletedTopics.push({ name: op.topic, id });
  }

  /**
   * If `surely` is false, the topic may be missing: the controller that committed the topic may have died in
   * that turn, and perhaps no other node knows the topic yet.
   */
  private present(name: string, why: string, { surely }: { surely: boolean }): void {
    const known = this.topics.get(name);
    if (known === undefined || this.isDeleteAsked(name)) return;
    const image = this.scope.metadata.newest.topic(name);
    const { world } = this.scope;
    if (image === undefined || image.id === known.earlierId) {
      if (surely) world.fail(NAME, `${name} does not exist, but ${why}`);
      return;
    }
    known.id ??= image.id;
    if (image.id !== known.id) world.fail(NAME, `${name} has another id than when ${why}`);
    if (image.partitions.length < known.partitions)
      world.fail(NAME, `${name} had ${known.partitions} partitions and has ${image.partitions.length}`);
    known.partitions = image.partitions.length;
  }

  private absent(name: string, id: Uuid): void {
    if (this.scope.metadata.newest.topicById(id) !== undefined)
      this.scope.world.fail(NAME, `${name} exists, but its deletion was acknowledged`);
  }

  private isDeleteAsked(name: string): boolean {
    const known = this.topics.get(name);
    return known?.isDeleteAsked === true || this.scope.isExempt({ topic: name, topicId: known?.id });
  }
}
