/**
 * The ids that the group gives to members. They have Kafka's form: the instance id of a static member or else
 * the client id, and then a UUID. The reason: operators search the ids for the client id.
 */
import { type Random, uuidToBytes } from '@millrace/base';
import { shortened } from '../limits.ts';

/**
 * `prefix`: the instance id of a static member, or else the client id. Of a long prefix only the first 255
 * characters count.
 */
export function newMemberId(prefix: string, random: Random): string {
  const digits = Array.from(uuidToBytes(random.uuid()), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
  const parts = [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20)];
  return [shortened(prefix), ...parts, digits.slice(20)].join('-');
}
