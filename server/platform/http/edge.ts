import type { IncomingHttpHeaders } from 'node:http';
import type { ErrorCode } from '@heliu/contract';
import type { Caller } from '../caller.ts';
import type { Ticket } from './in-flight.ts';

/** What authentication may look at. */
export type Credentials = {
  readonly method: string;
  /** Path and query exactly as they came. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** The client's address; behind a trusted proxy, the one that the proxy names. */
  readonly address: string;
};

/** A caller who has proven who they are, and what is still to be checked of the request. */
export type Authenticated = {
  readonly caller: Caller;
  /** Throws when the body is not the one that was signed. Called once with the raw body, which is empty when none came. */
  readonly checkBody?: (body: Uint8Array) => void;
  /** Throws when the request was received before. Called after the body was found good. */
  readonly admit?: () => Promise<void>;
};

/** Establishes the caller of a merchant API request, or throws a refusal. */
export type Authenticate = (credentials: Credentials) => Authenticated | Promise<Authenticated>;

/** What the edge knows of one request, from its first byte to its log line. */
export type Edge = {
  started_ms: number;
  /** The place that the request takes among those under way. Absent for probes and for streams that stay open. */
  ticket: Ticket | undefined;
  authenticated: Authenticated | undefined;
  body_checked: boolean;
  error_code: ErrorCode | undefined;
};

declare module 'fastify' {
  interface FastifyRequest {
    edge: Edge;
  }
  interface FastifyInstance {
    /** Operation ids in the order in which they were bound. */
    bound_operations: string[];
  }
  interface FastifyContextConfig {
    /** Answered while stopping or overloaded, and logged at debug. */
    probe?: boolean;
    /** Stays open for long (server-sent events): takes no place among requests under way, and a stop does not wait for it. */
    long_lived?: boolean;
  }
}
