/** The front end's metrics of connections and requests. */
import type { Millis } from '@millrace/base';
import type { Counter, Histogram, Metrics } from '@millrace/metrics';
import type { Slot } from './connection/response-slots.ts';

export class FrontEndMetrics {
  readonly accepted: Counter<readonly [listener: string]>;
  readonly refused: Counter<readonly []>;
  readonly malformed: Counter<readonly []>;
  private readonly requests: Counter<readonly [api: string]>;
  private readonly seconds: Histogram<readonly [api: string]>;
  private readonly bytesIn: Counter<readonly [api: string]>;
  private readonly bytesOut: Counter<readonly [api: string]>;

  constructor(metrics: Metrics) {
    this.accepted = metrics.counter('millrace_connections_accepted_total');
    this.refused = metrics.counter('millrace_connections_refused_total');
    this.malformed = metrics.counter('millrace_malformed_requests_total');
    this.requests = metrics.counter('millrace_requests_total');
    this.seconds = metrics.histogram('millrace_request_seconds');
    this.bytesIn = metrics.counter('millrace_request_bytes_total');
    this.bytesOut = metrics.counter('millrace_response_bytes_total');
  }

  /** Counts a request whose answer goes to the socket now, or that gets no answer. */
  answered({ apiName, startedMs, frameBytes }: Slot, answerBytes: number, now: Millis): void {
    this.requests.add(1, apiName);
    this.seconds.observeMs(now - startedMs, apiName);
    this.bytesIn.add(frameBytes, apiName);
    this.bytesOut.add(answerBytes, apiName);
  }
}
