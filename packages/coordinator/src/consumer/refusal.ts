/** An error that a request gets instead of a decision. */
import type { ErrorCode } from '@millrace/protocol';

export class Refusal {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string | null;

  constructor(errorCode: ErrorCode, errorMessage: string | null) {
    this.errorCode = errorCode;
    this.errorMessage = errorMessage;
  }
}

export function refusal(errorCode: ErrorCode, errorMessage: string | null = null): Refusal {
  return new Refusal(errorCode, errorMessage);
}

export function isRefusal(value: unknown): value is Refusal {
  return value instanceof Refusal;
}
