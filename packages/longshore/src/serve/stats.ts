import type { RequestKind } from './faults.ts';

/** One request that came, and what became of it. */
export interface RequestRecord {
  readonly kind: RequestKind;
  readonly method: string;
  /** Path and query as requested. */
  readonly url: string;
  readonly repository: string | undefined;
  readonly digest: string | undefined;
  readonly range: string | undefined;
  /** True when an `Authorization` header came with it. */
  readonly authorized: boolean;
  readonly userAgent: string | undefined;
  /** Seconds since the server started. */
  readonly startedAt: number;
  /** `undefined` while it is being answered, and when no answer was given. */
  readonly status: number | undefined;
  /** Bytes of the body that went out. */
  readonly bytesOut: number;
  /** Bytes of the body that came in. */
  readonly bytesIn: number;
  /** Seconds since the server started; `undefined` while it is under way. */
  readonly endedAt: number | undefined;
  /** False when the connection ended before the answer did. */
  readonly complete: boolean;
}

/** What a server has done since it started, or since `reset`. */
export interface RegistryStats {
  readonly requests: number;
  readonly requestsByKind: Readonly<Partial<Record<RequestKind, number>>>;
  readonly requestsByStatus: Readonly<Record<number, number>>;
  /** Bytes of blob and content bodies that went out, over all digests. */
  readonly bytesServed: number;
  readonly bytesServedByDigest: ReadonlyMap<string, number>;
  /** Bytes of uploads that came in. */
  readonly bytesReceived: number;
  /** Bodies (blobs, content, uploads) that are moving now. */
  readonly bodies: number;
  readonly maxBodies: number;
  /** Integral of `bodies` over time: divided by a duration, the mean width. */
  readonly bodySeconds: number;
  readonly connections: number;
  readonly openConnections: number;
  readonly maxConnections: number;
  /** Requests to the second origin that carried `Authorization`. */
  readonly authorizationLeaks: number;
  /** The latest requests, oldest first; at most `logLimit`. */
  readonly log: readonly RequestRecord[];
  /** Forgets what was counted; what is under way goes on to be counted. */
  reset(): void;
}

type Open<T> = { -readonly [K in keyof T]: T[K] };

/** The writing side of `RegistryStats`. */
export class StatsBook implements RegistryStats {
  requests = 0;
  requestsByKind: Partial<Record<RequestKind, number>> = {};
  requestsByStatus: Record<number, number> = {};
  bytesServed = 0;
  bytesServedByDigest: Map<string, number> = new Map();
  bytesReceived = 0;
  bodies = 0;
  maxBodies = 0;
  connections = 0;
  openConnections = 0;
  maxConnections = 0;
  authorizationLeaks = 0;
  #log: Open<RequestRecord>[] = [];
  readonly #now: () => number;
  readonly #logLimit: number;
  #bodySeconds = 0;
  #bodiesSince: number;

  /** @param now seconds since the server started */
  constructor(now: () => number, logLimit: number) {
    this.#now = now;
    this.#logLimit = logLimit;
    this.#bodiesSince = now();
  }

  get log(): Open<RequestRecord>[] {
    return this.#log.slice(-this.#logLimit);
  }

  get bodySeconds(): number {
    return this.#bodySeconds + this.bodies * (this.#now() - this.#bodiesSince);
  }

  begin(facts: Pick<RequestRecord, FactNames>): Open<RequestRecord> {
    const record = {
      ...facts,
      startedAt: this.#now(),
      status: undefined,
      bytesOut: 0,
      bytesIn: 0,
      endedAt: undefined,
      complete: false,
    };
    this.requests += 1;
    this.requestsByKind[facts.kind] = (this.requestsByKind[facts.kind] ?? 0) + 1;
    this.#log.push(record);
    // Cut in slices: shifting a long array on every request would cost more than the request.
    if (this.#log.length >= this.#logLimit * 2) this.#log = this.log;
    return record;
  }

  end(record: Open<RequestRecord>, status: number | undefined, complete: boolean): void {
    record.endedAt = this.#now();
    record.status = status;
    record.complete = complete;
    if (status === undefined) return;
    this.requestsByStatus[status] = (this.requestsByStatus[status] ?? 0) + 1;
  }

  sent(record: Open<RequestRecord>, bytes: number): void {
    record.bytesOut += bytes;
    const { digest, kind } = record;
    if (digest === undefined || (kind !== 'blob' && kind !== 'content')) return;
    this.bytesServed += bytes;
    this.bytesServedByDigest.set(digest, (this.bytesServedByDigest.get(digest) ?? 0) + bytes);
  }

  received(record: Open<RequestRecord>, bytes: number): void {
    record.bytesIn += bytes;
    this.bytesReceived += bytes;
  }

  bodyOpened(): void {
    this.#countBodies(1);
    this.maxBodies = Math.max(this.maxBodies, this.bodies);
  }

  bodyClosed(): void {
    this.#countBodies(-1);
  }

  #countBodies(change: number): void {
    this.#bodySeconds = this.bodySeconds;
    this.#bodiesSince = this.#now();
    this.bodies += change;
  }

  connected(): void {
    this.connections += 1;
    this.openConnections += 1;
    this.maxConnections = Math.max(this.maxConnections, this.openConnections);
  }

  disconnected(): void {
    this.openConnections -= 1;
  }

  reset(): void {
    this.requests = 0;
    this.requestsByKind = {};
    this.requestsByStatus = {};
    this.bytesServed = 0;
    this.bytesServedByDigest = new Map();
    this.bytesReceived = 0;
    this.maxBodies = this.bodies;
    this.#bodySeconds = 0;
    this.#bodiesSince = this.#now();
    this.connections = this.openConnections;
    this.maxConnections = this.openConnections;
    this.authorizationLeaks = 0;
    this.#log = [];
  }
}

type FactNames =
  | 'kind'
  | 'method'
  | 'url'
  | 'repository'
  | 'digest'
  | 'range'
  | 'authorized'
  | 'userAgent';

/** A record while it is being written. */
export type OpenRecord = Open<RequestRecord>;
