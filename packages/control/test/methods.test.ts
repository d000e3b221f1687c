import { expect, test } from 'vitest';
import { controlCalls, controlSession } from '../src/methods.ts';

test('methods keep their names and their messages', () => {
  const facts = [controlSession, ...Object.values(controlCalls)].map(({ name, request, response }) => [
    name,
    request.name,
    response.name,
  ]);
  expect(facts).toEqual([
    ['controller.session', 'ControlRequest', 'ControlResponse'],
    ['controller.alter-partition', 'AlterPartitionRequest', 'AlterPartitionResponse'],
    ['controller.allocate-producer-ids', 'AllocateProducerIdsRequest', 'AllocateProducerIdsResponse'],
    ['controller.forward', 'ForwardRequest', 'ForwardResponse'],
  ]);
});
