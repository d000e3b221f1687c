/** Finds the topics to which the members of a classic group subscribe, as far as the group can know them. */
import { CONSUMER_PROTOCOL_TYPE, consumerProtocolSubscription, DecodeError } from '@millrace/protocol';
import type { Member } from './member.ts';

/**
 * Undefined if the protocol type is not `consumer`, or if a member's metadata is not readable. As in Kafka,
 * this function decodes only the fields of version 0, because some clients write a later version number
 * without the fields of that version.
 */
export function subscribedTopics(
  protocolType: string | null,
  protocolName: string | null,
  members: Iterable<Member>,
): ReadonlySet<string> | undefined {
  if (protocolType !== CONSUMER_PROTOCOL_TYPE) return undefined;
  const all = new Set<string>();
  for (const member of members) {
    const topics = topicsOf(member.metadata(protocolName));
    if (topics === undefined) return undefined;
    for (const topic of topics) all.add(topic);
  }
  return all;
}

function topicsOf(metadata: Uint8Array | undefined): readonly string[] | undefined {
  // A negative version is not readable.
  if (metadata === undefined || metadata.length < 2 || metadata[0]! >= 0x80) return undefined;
  const asVersion0 = new Uint8Array(metadata);
  asVersion0.fill(0, 0, 2);
  try {
    return consumerProtocolSubscription.decode(asVersion0).topics;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
