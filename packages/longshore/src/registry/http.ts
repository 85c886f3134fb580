/** Header fields by lower-case name, one entry for each line that came. */
export type HeaderFields = ReadonlyMap<string, readonly string[]>;

/** The lines of one field joined by `, ` (RFC 9110, 5.3), or `undefined` without any. */
export function headerValue(headers: HeaderFields, name: string): string | undefined {
  return headers.get(name)?.join(', ');
}

/** Whose credentials a request may carry, and for what. */
export interface Access {
  /** The registry as references name it: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** Without it the request is for the registry as a whole (`/v2/`). */
  readonly repository?: string | undefined;
  /** Comma-separated, in the words of token scopes. @defaultValue `pull` */
  readonly actions?: string | undefined;
  /** Another repository of the registry, read for a mount. */
  readonly mountFrom?: string | undefined;
}

/** A body that comes in pieces, of a length known before; opened anew for each time it is sent. */
export interface StreamedBody {
  /** Bytes; at least 1. */
  readonly size: number;
  /** Asks for the next piece when the one before has been handed to the kernel. */
  open(): AsyncIterable<Uint8Array>;
}

/** One request, before anything was decided about credentials, redirects or sockets. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | StreamedBody | undefined;
  /** From the last byte of the body to the response head. @defaultValue that of the options */
  readonly headersTimeoutMs?: number | undefined;
  /** `blob` bodies may be large and take the lean reader where there is one. */
  readonly kind: 'metadata' | 'blob';
  readonly access?: Access | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes after a response head. Nothing is read before `consume`. */
export interface ResponseBody {
  /**
   * Feeds the body to `onChunk`; the chunk is the reader's again when that returns, or when its
   * promise settles. Rejects with what `onChunk` throws, with the signal's reason, or with a
   * `RegistryError`.
   */
  consume(onChunk: (chunk: Uint8Array) => undefined | Promise<void>): Promise<void>;
  /** Gives the connection up. Idempotent, and a no-op after the end. */
  cancel(): void;
}

/** A response head, with its body still on the wire. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: HeaderFields;
  /** What answered, after redirects. */
  readonly url: URL;
  readonly via: 'direct' | 'undici';
  readonly body: ResponseBody;
  /** Where the credentials came from that the request carried; never their value. */
  readonly credentialSource?: string | undefined;
  /** It answers at an address that another server has redirected to. */
  readonly redirected?: boolean;
}

/** Sends a request and waits for the response head. Layers wrap one of these in another. */
export type Exchange = (request: HttpRequest) => Promise<HttpResponse>;

/** A way to send requests, with an end: what is still open then is cut. */
export interface Transport {
  readonly exchange: Exchange;
  close(): Promise<void>;
}

/** The same request to another place, or with other header fields. */
export function changeRequest(request: HttpRequest, change: Partial<HttpRequest>): HttpRequest {
  return { ...request, ...change };
}
