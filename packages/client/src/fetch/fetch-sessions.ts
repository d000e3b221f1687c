/**
 * A consumer's fetch sessions, one for each leader (KIP-227). Every request names all partitions of the
 * session; when they change, the consumer starts another session in place of the old one.
 */
import type { NodeId } from '@millrace/base';

export interface FetchSession {
  /** 0: the broker has not given an id yet. */
  id: number;
  /** 0: the next request starts a session. */
  epoch: number;
  /** The partitions of the session, as a text. */
  readonly members: string;
}

/** The partitions of one topic in a request. A new topic of the same name has another id. */
interface RequestedTopic {
  readonly topicId: string;
  readonly partitions: readonly { readonly partition: number }[];
}

export class FetchSessions {
  private readonly byLeader = new Map<NodeId, FetchSession>();

  /** The session for a request that names these partitions. */
  for(leaderId: NodeId, topics: readonly RequestedTopic[]): FetchSession {
    const members = topics
      .map(({ topicId, partitions }) => `${topicId}:${partitions.map(({ partition }) => partition)}`)
      .join();
    const known = this.byLeader.get(leaderId);
    if (known?.members === members) return known;
    const session = { id: known?.id ?? 0, epoch: 0, members };
    this.byLeader.set(leaderId, session);
    return session;
  }

  /** `id`: the session id in the answer; 0 means that the broker keeps no session. */
  continued(leaderId: NodeId, session: FetchSession, id: number): void {
    session.id = id;
    session.epoch = id === 0 ? 0 : session.epoch + 1;
    if (id === 0) this.byLeader.delete(leaderId);
  }

  forget(leaderId: NodeId): void {
    this.byLeader.delete(leaderId);
  }
}
