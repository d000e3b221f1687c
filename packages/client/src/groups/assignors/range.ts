/**
 * The range assignor: divides the partitions of each topic in order. If the partitions do not divide evenly,
 * the first members get one more.
 */
import { type Assignments, type Assignor, inOrder } from './assignor.ts';

export const rangeAssignor: Assignor = {
  name: 'range',
  isCooperative: false,
  userData: () => null,
  generationIn: () => -1,
  assign(members, partitions) {
    const assignments: Assignments = new Map(members.map(({ memberId }) => [memberId, []]));
    for (const [topic, count] of partitions) {
      const subscribed = inOrder(members.filter(({ topics }) => topics.includes(topic)));
      let next = 0;
      for (const [index, { memberId }] of subscribed.entries()) {
        const share = Math.floor(count / subscribed.length) + (index < count % subscribed.length ? 1 : 0);
        for (const end = next + share; next < end; next++)
          assignments.get(memberId)!.push({ topic, partition: next });
      }
    }
    return assignments;
  },
};
