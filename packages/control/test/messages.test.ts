/**
 * Goal: brokers and controllers of different versions understand each other. Method: a snapshot pins the
 * number and the kind of each field.
 */
import { expect, test } from 'vitest';
import * as control from '../src/messages.ts';

const messages = {
  ControlRequest: control.ControlRequest,
  ControlResponse: control.ControlResponse,
  AlterPartitionRequest: control.AlterPartitionRequest,
  AlterPartitionResponse: control.AlterPartitionResponse,
  AllocateProducerIdsRequest: control.AllocateProducerIdsRequest,
  AllocateProducerIdsResponse: control.AllocateProducerIdsResponse,
  ForwardRequest: control.ForwardRequest,
  ForwardResponse: control.ForwardResponse,
};

test.each(Object.entries(messages))('%s keeps its field numbers', (_name, message) => {
  expect(message.type.toJSON()).toMatchSnapshot();
});

test('a ControlRequest with a heartbeat is decoded unchanged, and the absent `register` stays absent', () => {
  const request: control.ControlRequest = {
    sequence: 7,
    register: undefined,
    heartbeat: { brokerId: 3, brokerEpoch: 12, metadataOffset: -1, wantFence: false, wantShutDown: true },
    leaves: false,
  };
  expect(control.ControlRequest.decode(control.ControlRequest.encode(request))).toEqual(request);
});

test('an ISR proposal keeps the order and the unknown epochs of its members', () => {
  const request: control.AlterPartitionRequest = {
    brokerId: 1,
    brokerEpoch: 9,
    partitions: [
      {
        topicId: 'x',
        partition: 0,
        leaderEpoch: 0,
        partitionEpoch: 0,
        storageFailed: false,
        isr: [
          { brokerId: 2, brokerEpoch: -1 },
          { brokerId: 1, brokerEpoch: 9 },
        ],
      },
    ],
  };
  expect(control.AlterPartitionRequest.decode(control.AlterPartitionRequest.encode(request))).toEqual(
    request,
  );
});
