/** Counts connections, in total and per address, for `max.connections` and `max.connections.per.ip`. */
import type { FrontEndLimits } from '../config.ts';

export type ConnectionLimits = Pick<FrontEndLimits, 'maxConnections' | 'maxConnectionsPerIp'>;

export class ConnectionCounts {
  total = 0;
  private readonly perIp = new Map<string, number>();
  private readonly limits: () => ConnectionLimits;

  /** `limits` returns the present limits, because they may change while the broker runs. */
  constructor(limits: () => ConnectionLimits) {
    this.limits = limits;
  }

  /**
   * Counts one more connection, or returns the limit that forbids it. An exempt connection counts, but
   * `max.connections` does not forbid it.
   */
  add(ip: string, isExempt: boolean): string | undefined {
    const ofIp = this.perIp.get(ip) ?? 0;
    const { maxConnections, maxConnectionsPerIp } = this.limits();
    if (!isExempt && this.total >= maxConnections) return 'max.connections reached';
    if (ofIp >= maxConnectionsPerIp) return 'max.connections.per.ip reached';
    this.total++;
    this.perIp.set(ip, ofIp + 1);
    return undefined;
  }

  remove(ip: string): void {
    this.total--;
    const ofIp = (this.perIp.get(ip) ?? 1) - 1;
    if (ofIp === 0) this.perIp.delete(ip);
    else this.perIp.set(ip, ofIp);
  }
}
