/** What a group knows about the client that sent a request. */
export interface ClientFacts {
  /** The client id of the request's header; "" if it had none. */
  readonly clientId: string;
  /** The client's address as Kafka writes it: a slash and the address, for example `/127.0.0.1`. */
  readonly clientHost: string;
}
