/**
 * Millrace's own tagged fields in DescribeGroups and ConsumerGroupDescribe: the last rebalances of a group,
 * with their causes. A broker sends them only if the request asks for them, with a tagged field of its own.
 * Every reader of the protocol skips tagged fields that it does not know. Kafka numbers its own tags from 0,
 * so they do not collide with Millrace's large tag.
 */
import type { Field } from '../schema.ts';
import { array, bool, int32, int64, string, type Versions } from '../schema.ts';

/** The tag of every field that only Millrace has: 'mil' in ASCII. */
export const MILLRACE_TAG = 0x6d696c;

export const includeRebalances = (versions: Versions): Field<boolean> =>
  bool(versions, { tag: MILLRACE_TAG });

/** The last rebalances, oldest first. Null: the client did not ask for them. */
export const rebalances = (versions: Versions) =>
  array(
    versions,
    { nullable: versions, default: null, tag: MILLRACE_TAG },
    {
      atMs: int64(versions),
      /** The generation, or the group epoch. */
      epoch: int32(versions),
      cause: string(versions),
      /** The member that caused the rebalance. If no member did, these texts are empty. */
      memberId: string(versions),
      clientId: string(versions),
      clientHost: string(versions),
      /** The reason that the client gave. */
      reason: string(versions, { nullable: versions, default: null }),
      /** The length of the timeout that caused the rebalance, in milliseconds; -1: no timeout caused it. */
      afterMs: int32(versions, { default: -1 }),
    },
  );
