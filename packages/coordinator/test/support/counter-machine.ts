/** A toy machine: a counter for each key. A record holds a counter's new value. */

import type { MetadataDelta } from '@millrace/metadata';
import { DecodeError, ErrorCode } from '@millrace/protocol';
import type { CoordinatorRecord, ShardMachine, ShardPort } from '../../src/runtime/machine.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function record(key: string, value: string | null): CoordinatorRecord {
  return { key: bytesOf(key), value: value === null ? null : bytesOf(value) };
}

export class CounterMachine implements ShardMachine {
  readonly port: ShardPort;
  readonly partition: number;
  readonly counters = new Map<string, number>();
  /** The calls of the runtime, in order, except calls of `replay`. */
  readonly calls: string[] = [];
  onLoaded: () => void = () => {};

  constructor(port: ShardPort, partition: number) {
    this.port = port;
    this.partition = partition;
  }

  /** Adds one to the counter. The answer is the new value, or the name of the error. */
  increment(key: string, answer: (value: number | string) => void, padding = ''): void {
    const value = (this.counters.get(key) ?? 0) + 1;
    const errorCode = this.port.write([record(key, `${value}${padding}`)]);
    if (errorCode !== ErrorCode.NONE) {
      answer(nameOf(errorCode));
      return;
    }
    this.port.whenCommitted(this.port.lastWrite, (committed) =>
      answer(committed === ErrorCode.NONE ? value : nameOf(committed)),
    );
  }

  replay({ key, value }: CoordinatorRecord): void {
    const name = textOf(key);
    if (name === 'unreadable') throw new DecodeError('not a counter');
    if (value === null) this.counters.delete(name);
    else this.counters.set(name, Number.parseInt(textOf(value), 10));
  }

  loaded(): void {
    this.calls.push('loaded');
    this.onLoaded();
  }

  ended(errorCode: ErrorCode): void {
    this.calls.push(`ended ${nameOf(errorCode)}`);
  }

  metadataChanged({ image }: MetadataDelta): void {
    this.calls.push(`metadata ${image.offset}`);
  }
}

export function nameOf(errorCode: ErrorCode): string {
  return Object.entries(ErrorCode).find(([, code]) => code === errorCode)![0];
}
