import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Deadline, DeadlineQueue } from '../src/index.ts';

type Step = { add: number } | { cancel: number } | { pop: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ add: fc.nat(50) }),
    fc.record({ cancel: fc.nat(200) }),
    fc.record({ pop: fc.nat(60) }),
  ),
  { maxLength: 300 },
);

test('a deadline queue behaves like a sorted list, for any order of adding, cancelling and popping', () => {
  fc.assert(
    fc.property(steps, (script: Step[]) => {
      const queue = new DeadlineQueue<number>();
      const handles: Deadline<number>[] = [];
      let twin: { at: number; value: number }[] = [];
      for (const step of script) {
        if ('add' in step) {
          handles.push(queue.add(step.add, handles.length));
          twin.push({ at: step.add, value: handles.length - 1 });
          twin.sort((a, b) => a.at - b.at || a.value - b.value);
        } else if ('cancel' in step) {
          const handle = handles[step.cancel % Math.max(1, handles.length)];
          if (handle === undefined) continue;
          queue.cancel(handle);
          twin = twin.filter((entry) => entry.value !== handle.value);
        } else {
          const due = twin[0] !== undefined && twin[0].at <= step.pop ? twin.shift() : undefined;
          expect(queue.popDue(step.pop)).toBe(due?.value);
        }
        expect(queue.next()).toBe(twin[0]?.at);
        expect(queue.size).toBe(twin.length);
      }
    }),
  );
});
