import { expect, it } from 'vitest';
import { byBroker, History, numberOf, type Op, senderOf } from '../src/history.ts';
import { poll, send } from './support/histories.ts';

it('keeps operations in the order in which they ended, and calls its watchers', () => {
  const history = new History();
  const seen: Op[] = [];
  history.watchers.push((op) => seen.push(op));
  const ops = [send(['p1-0']), poll(0, [[0, 'p1-0']])];
  for (const op of ops) history.add(op);
  expect(history.ops).toEqual(ops);
  expect(seen).toEqual(ops);
});

it('reads the client and the number out of a value', () => {
  expect(senderOf('kafka-python-12')).toBe('kafka-python');
  expect(numberOf('kafka-python-12')).toBe(12);
  expect(numberOf('noise')).toBeNaN();
  expect([byBroker(4), byBroker(undefined)]).toEqual([' by broker 4', '']);
});
