/**
 * The service of a controller node: the quorum's own messages, control streams of brokers, and single calls
 * to the active controller. Finds the handler of a method (calls.ts, session-stream.ts); decides nothing.
 */
import {
  RpcError,
  type RpcPeer,
  type RpcService,
  type RpcStream,
  type RpcStreamHandler,
} from '@millrace/base';
import { controlSession } from '@millrace/control';
import { callHandlers } from './calls.ts';
import { type ControlContext, isMalformed, type RawReply } from './handler.ts';
import { type LatestStreams, SessionStream } from './session-stream.ts';

const handlersByName = new Map(Object.values(callHandlers).map((handler) => [handler.method.name, handler]));

export class ControlService implements RpcService {
  private readonly context: ControlContext;
  private readonly latestStreams: LatestStreams = new Map();
  private streamCount = 0;

  constructor(context: ControlContext) {
    this.context = context;
  }

  call(method: string, body: Uint8Array, reply: RawReply, peer: RpcPeer): void {
    const { quorum, logger } = this.context;
    if (quorum.handle(method, body, reply, peer)) return;
    const handler = handlersByName.get(method);
    if (handler === undefined) reply(new RpcError('refused', `unknown method ${method}`));
    else {
      try {
        handler.handle(this.context, body, peer, reply);
      } catch (error) {
        if (!isMalformed(error)) throw error;
        logger.warn('control-message-refused', { method, peer: peer.address, error: String(error) });
        reply(new RpcError('refused', 'malformed message'));
      }
    }
    this.context.touched();
  }

  stream(method: string, stream: RpcStream, peer: RpcPeer): RpcStreamHandler {
    if (method === controlSession.name)
      return new SessionStream(this.context, stream, peer, this.latestStreams, ++this.streamCount);
    stream.close();
    return { message: () => {}, closed: () => {} };
  }
}
