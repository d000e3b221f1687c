/**
 * Hands out producer ids to idempotent producers, from blocks that the active controller allocates. Each id
 * is used once in the life of the cluster. Asks for the next block before the current one is used up
 * (KIP-730).
 */
import type { Logger, NodeId } from '@millrace/base';
import { controlCalls } from '@millrace/control';
import { ErrorCode, errorName } from '@millrace/protocol';
import type { ProducerIdSource } from '../handler.ts';
import type { ControllerChannel } from './controller-channel.ts';

const TIMEOUT_MS = 5_000;
/** The broker asks for the next block when this share of the current one is left. */
const PREFETCH_SHARE = 0.1;
/** Limit for the producers that wait for a block. A further producer gets a retriable error. */
const WAITING_MAX = 10_000;

type Done = Parameters<ProducerIdSource['next']>[0];

export interface ProducerIdBlocksOptions {
  readonly brokerId: NodeId;
  /** -1 while this broker is not registered. */
  brokerEpoch(): number;
  readonly channel: Pick<ControllerChannel, 'request'>;
  readonly logger: Logger;
}

export class ProducerIdBlocks implements ProducerIdSource {
  private readonly options: ProducerIdBlocksOptions;
  private nextId = 0;
  /** The end of the current block, exclusive. */
  private idEnd = 0;
  private blockSize = 0;
  private reserve: { start: number; count: number } | undefined;
  private waiting: Done[] = [];
  private asking = false;

  constructor(options: ProducerIdBlocksOptions) {
    this.options = options;
  }

  next(done: Done): void {
    if (this.nextId === this.idEnd) this.useReserve();
    if (this.nextId < this.idEnd) {
      const producerId = this.nextId++;
      if (this.idEnd - this.nextId <= this.blockSize * PREFETCH_SHARE) this.ask();
      done({ errorCode: ErrorCode.NONE, producerId });
      return;
    }
    if (this.waiting.length >= WAITING_MAX || this.options.brokerEpoch() < 0) {
      done({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 });
      return;
    }
    this.waiting.push(done);
    this.ask();
  }

  private ask(): void {
    const { brokerId, channel, logger } = this.options;
    const brokerEpoch = this.options.brokerEpoch();
    if (this.asking || this.reserve !== undefined || brokerEpoch < 0) return;
    this.asking = true;
    channel.request(controlCalls.allocateProducerIds, { brokerId, brokerEpoch }, TIMEOUT_MS, (response) => {
      this.asking = false;
      const errorCode = response?.errorCode ?? ErrorCode.REQUEST_TIMED_OUT;
      if (response !== undefined && errorCode === ErrorCode.NONE && response.producerIdCount > 0)
        this.reserve = { start: response.producerIdStart, count: response.producerIdCount };
      else logger.warn('producer-id-block-refused', { error: errorName(errorCode) });
      this.serveWaiting();
    });
  }

  /**
   * Called when the controller has answered. Serves the waiting producers from the new block. Producers for
   * whom the block has no id wait for the next block. If there is no new block, all waiting producers get a
   * retriable error.
   */
  private serveWaiting(): void {
    const waiting = this.waiting;
    this.waiting = [];
    const served = this.reserve !== undefined;
    for (const done of waiting) {
      if (served) this.next(done);
      else done({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 });
    }
  }

  private useReserve(): void {
    if (this.reserve === undefined) return;
    const { start, count } = this.reserve;
    this.reserve = undefined;
    this.nextId = start;
    this.idEnd = start + count;
    this.blockSize = count;
  }
}
