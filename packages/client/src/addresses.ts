/** The addresses of brokers as users write them. */
import type { Address } from '@millrace/base';

/** Reads `host:port`, or `[host]:port` with an IPv6 address. Returns undefined for any other text. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s,[\]]+)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}
