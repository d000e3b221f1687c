/** Converts a client's request into the form that the group coordinator needs. */
import type { GroupCall } from '@millrace/coordinator';
import type { Reply, Request } from '../handler.ts';

export function groupCall<Body, Answer>(
  { version, body, clientId, remoteAddress }: Request<Body>,
  reply: Reply<Answer>,
): GroupCall<Body, Answer> {
  return {
    version,
    request: body,
    client: { clientId: clientId ?? '', clientHost: `/${remoteAddress}` },
    reply: (answer) => reply.send(answer),
  };
}
