/**
 * Calls and their answers over one gRPC stream. A unary gRPC call costs each side about half a millisecond of
 * CPU time, because it opens and closes an HTTP/2 stream of its own. A message on an open stream costs a
 * tenth of that. The calls of one turn share messages, and so do the answers of one turn. Answers come in any
 * order. When the stream ends, every unanswered call fails.
 */
import {
  RpcError,
  type RpcPeer,
  type RpcService,
  type RpcStream,
  type RpcStreamHandler,
} from '@millrace/base';
import { type Message, type MessageType, repeated } from '../kinds.ts';
import { defineMessage } from '../message.ts';

/**
 * The method name of the stream that carries calls. The server handles this stream itself and never passes it
 * to a service.
 */
export const CALLS_METHOD = 'rpc.calls';
/** When an outbox has this many bytes, it sends them at once, before the end of the turn. */
const GATHERED_BYTES_MAX = 256 << 10;
/**
 * The bytes that the outbox counts for each call or answer in addition to its body. They stand for the method
 * or reason, the id, and the lengths.
 */
const ENVELOPE_BYTES = 1 << 10;

const Call = defineMessage('Call', { id: [1, 'uint32'], method: [2, 'string'], body: [3, 'bytes'] });
const Calls = defineMessage('Calls', { calls: [1, repeated(Call)] });
/** A failed call has no body: `failure` is the kind of its RpcError, and `reason` the message. */
const Answer = defineMessage('Answer', {
  id: [1, 'uint32'],
  body: [2, 'bytes'],
  failure: [3, 'string'],
  reason: [4, 'string'],
});
const Answers = defineMessage('Answers', { answers: [1, repeated(Answer)] });
type Call = MessageType<typeof Call>;
type Answer = MessageType<typeof Answer>;

type Done = (answer: Uint8Array | RpcError) => void;

/** Gathers the items of one turn, and sends them in one message, or in several if they are large. */
class Outbox<Item extends { readonly body: Uint8Array }> {
  private items: Item[] = [];
  private bytes = 0;
  private readonly send: (items: Item[]) => void;

  constructor(send: (items: Item[]) => void) {
    this.send = send;
  }

  add(item: Item): void {
    this.items.push(item);
    this.bytes += item.body.length + ENVELOPE_BYTES;
    if (this.bytes >= GATHERED_BYTES_MAX) this.flush();
    else if (this.items.length === 1) setImmediate(() => this.flush());
  }

  flush(): void {
    const { items } = this;
    if (items.length === 0) return;
    this.items = [];
    this.bytes = 0;
    this.send(items);
  }
}

/**
 * The end of the stream that makes calls. Holds calls until the peer accepts the stream. Never sends a call
 * that times out before that.
 */
export class Caller implements RpcStreamHandler {
  private readonly unanswered = new Map<number, Done>();
  /** Calls that wait until the peer accepts the stream. Undefined after the peer has accepted it. */
  private unsent: Map<number, Call> | undefined = new Map();
  private readonly outbox: Outbox<Call>;
  private readonly stream: RpcStream;
  private readonly ended: () => void;
  private nextId = 1;

  /** `ended`: called when the stream has ended. The owner then needs a new `Caller`. */
  constructor(open: (caller: Caller) => RpcStream, ended: () => void) {
    this.ended = ended;
    this.stream = open(this);
    this.outbox = new Outbox((calls) => this.stream.send(Calls.encode({ calls })));
  }

  /** Makes a call. Returns a function that forgets the call, so that a late answer is ignored. */
  call(method: string, body: Uint8Array, done: Done): () => void {
    const id = this.nextId;
    this.nextId = (id + 1) >>> 0;
    this.unanswered.set(id, done);
    if (this.unsent === undefined) this.outbox.add({ id, method, body });
    else this.unsent.set(id, { id, method, body });
    return () => {
      this.unanswered.delete(id);
      this.unsent?.delete(id);
    };
  }

  opened(): void {
    const waiting = this.unsent;
    this.unsent = undefined;
    for (const call of waiting?.values() ?? []) this.outbox.add(call);
  }

  message(bytes: Uint8Array): void {
    const decoded = decodedOrUndefined(Answers, bytes);
    if (decoded === undefined) this.stream.close();
    for (const { id, body, failure, reason } of decoded?.answers ?? []) {
      const done = this.unanswered.get(id);
      this.unanswered.delete(id);
      done?.(failure === '' ? body : new RpcError(kindOf(failure), reason));
    }
  }

  closed(reason: string): void {
    const failed = [...this.unanswered.values()];
    this.unanswered.clear();
    this.ended();
    for (const done of failed) done(new RpcError('unavailable', reason));
  }
}

/** The end of the stream that answers: passes the calls to the service, and sends the service's answers. */
export class Answerer implements RpcStreamHandler {
  private readonly service: RpcService;
  private readonly stream: RpcStream;
  private readonly peer: RpcPeer;
  private readonly outbox: Outbox<Answer>;
  private readonly answerBytesMax: number;

  /** `messageBytesMax`: the size limit of one message of the stream. */
  constructor(service: RpcService, stream: RpcStream, peer: RpcPeer, messageBytesMax: number) {
    this.service = service;
    this.stream = stream;
    this.peer = peer;
    this.answerBytesMax = messageBytesMax - GATHERED_BYTES_MAX - ENVELOPE_BYTES;
    this.outbox = new Outbox((answers) => stream.send(Answers.encode({ answers })));
  }

  message(bytes: Uint8Array): void {
    const decoded = decodedOrUndefined(Calls, bytes);
    if (decoded === undefined) this.stream.close();
    for (const { id, method, body } of decoded?.calls ?? []) {
      let isAnswered = false;
      const reply: Done = (result) => {
        if (isAnswered) return;
        isAnswered = true;
        this.outbox.add(this.answerOf(id, result));
      };
      this.service.call(method, body, reply, this.peer);
    }
  }

  /** Sends the gathered answers. Called when the server closes, before it ends the stream. */
  flush(): void {
    this.outbox.flush();
  }

  closed(): void {}

  private answerOf(id: number, result: Uint8Array | RpcError): Answer {
    if (result instanceof RpcError)
      return { id, body: NOTHING, failure: result.kind, reason: result.message };
    if (result.length <= this.answerBytesMax) return { id, body: result, failure: '', reason: '' };
    const reason = `the answer of ${result.length} bytes is larger than ${this.answerBytesMax}`;
    return { id, body: NOTHING, failure: 'refused', reason };
  }
}

/** Returns undefined if the bytes are malformed. The receiver then ends the stream. */
function decodedOrUndefined<T>(message: Message<T>, bytes: Uint8Array): T | undefined {
  try {
    return message.decode(bytes);
  } catch {
    return undefined;
  }
}

function kindOf(failure: string): RpcError['kind'] {
  return failure === 'timeout' || failure === 'refused' ? failure : 'unavailable';
}

const NOTHING = new Uint8Array(0);
