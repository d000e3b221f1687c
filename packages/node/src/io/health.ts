/**
 * A small HTTP server. /health says whether the node is ready, and /metrics returns its metrics. The node
 * loads this file only when `health.port` is set.
 */
import { createServer, type ServerResponse } from 'node:http';

export interface HealthState {
  readonly ready: boolean;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** The answer to a scrape of /metrics. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Rejects with one sentence when it cannot listen on the port. */
export function serveHealth(
  port: number,
  state: () => HealthState,
  metrics: MetricsText,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/metrics') return void sendMetrics(response, metrics);
    if (path !== '/health') return void response.writeHead(404).end();
    const { ready, facts } = state();
    response.writeHead(ready ? 200 : 503, { 'content-type': 'application/json', connection: 'close' });
    response.end(`${JSON.stringify({ status: ready ? 'ready' : 'not ready', ...facts })}\n`);
  });
  server.requestTimeout = 5000;
  server.maxConnections = 64;
  return new Promise((resolve, reject) => {
    // Do not use `once`. After the first error the server would have no handler, and the next error would
    // stop the node, for example if there is no file descriptor for a connection.
    server.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Error(
          error.code === 'EADDRINUSE'
            ? `port ${port} is taken by another program; stop that one, or give another port in health.port`
            : `cannot listen on port ${port} (health.port): ${error.message}`,
        ),
      ),
    );
    server.listen(port, () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

async function sendMetrics(response: ServerResponse, metrics: MetricsText): Promise<void> {
  try {
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': metrics.contentType, connection: 'close' }).end(text);
  } catch (error) {
    // A metric that cannot be read must not stop the node.
    response.writeHead(500, { 'content-type': 'text/plain', connection: 'close' }).end(`${String(error)}\n`);
  }
}
