/**
 * The requests that classic members send to a consumer group. The folder `classic` defines the same calls,
 * but this folder may not import it.
 */
import type {
  HeartbeatRequest,
  HeartbeatResponse,
  JoinGroupRequest,
  JoinGroupResponse,
  LeaveGroupRequest,
  LeaveGroupResponse,
  SyncGroupRequest,
  SyncGroupResponse,
} from '@millrace/protocol';
import type { ClientFacts } from '../client-facts.ts';

export interface Call<Request, Response> {
  readonly request: Request;
  /** The version of the request's API. */
  readonly version: number;
  readonly client: ClientFacts;
  /** Called once, now or later. If a field of the answer is missing, the broker sends its default. */
  readonly reply: (answer: Partial<Response>) => void;
}

export type JoinCall = Call<JoinGroupRequest, JoinGroupResponse>;
export type SyncCall = Call<SyncGroupRequest, SyncGroupResponse>;
export type HeartbeatCall = Call<HeartbeatRequest, HeartbeatResponse>;
export type LeaveCall = Call<LeaveGroupRequest, LeaveGroupResponse>;
