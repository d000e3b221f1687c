/** A minimal front end: answers Fetch, ListOffsets and ApiVersions over a byte stream, in request order. */
import type { Stream, StreamHandler } from '@millrace/base';
import { apis, decodeRequestHeader, encodeResponseFrame, FrameReader } from '@millrace/protocol';
import type { ListOffsetsResult, ReplicaManager, RunningFetch } from '../../src/index.ts';

export function serve(manager: ReplicaManager, stream: Stream): StreamHandler {
  const frames = new FrameReader(100_000_000);
  const slots: { bytes: Uint8Array[] | undefined }[] = [];
  const fetches: RunningFetch[] = [];
  const flush = () => {
    while (slots[0]?.bytes !== undefined) {
      const { bytes } = slots.shift()!;
      stream.send(bytes!);
      for (const chunk of bytes!) manager.options.logDirectory.spares.give(chunk);
    }
  };
  const handle = (frame: Uint8Array) => {
    const header = decodeRequestHeader(frame);
    const { apiVersion: version, correlationId, bodyPosition } = header;
    const slot: { bytes: Uint8Array[] | undefined } = { bytes: undefined };
    slots.push(slot);
    fetches.at(-1)?.nextRequestArrived();
    if (header.apiKey === apis.apiVersions.key) {
      slot.bytes = encodeResponseFrame(apis.apiVersions, version, correlationId, {});
      flush();
      return;
    }
    if (header.apiKey === apis.fetch.key) {
      const request = apis.fetch.decodeRequest(version, frame, bodyPosition);
      fetches.push(
        manager.fetch({ ...request, version }, (response) => {
          slot.bytes = encodeResponseFrame(apis.fetch, version, correlationId, response);
          flush();
        }),
      );
      return;
    }
    const request = apis.listOffsets.decodeRequest(version, frame, bodyPosition);
    const topics = request.topics.map(({ name, partitions }) => {
      const topicId = manager.image.topic(name)!.id;
      let results: ListOffsetsResult[] = [];
      const query = {
        version,
        replicaId: request.replicaId,
        isolationLevel: request.isolationLevel,
        partitions: partitions.map((wanted) => ({
          topicId,
          topic: name,
          partition: wanted.partitionIndex,
          currentLeaderEpoch: wanted.currentLeaderEpoch,
          timestamp: wanted.timestamp,
        })),
      };
      manager.listOffsets(query, (all) => {
        results = all;
      });
      return {
        name,
        partitions: partitions.map((wanted, i) => ({
          partitionIndex: wanted.partitionIndex,
          ...results[i]!,
        })),
      };
    });
    slot.bytes = encodeResponseFrame(apis.listOffsets, version, correlationId, { topics });
    flush();
  };
  return {
    data: (chunk) => {
      frames.push(chunk);
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) handle(frame);
      frames.keep();
    },
    drained: () => {},
    closed: () => {
      for (const { cancel } of fetches) cancel();
    },
  };
}
