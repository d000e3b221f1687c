/** What the active controller knows about a client's request besides its body. */
import type { Uuid } from '@millrace/base';

/** The client of a request, and the version of the request. */
export interface RequestInfo {
  readonly version: number;
  readonly clientId: string | null;
  /**
   * Identifies the request and is the same in each retry. Undefined: the broker does not retry the request.
   */
  readonly requestId?: Uuid | undefined;
}
