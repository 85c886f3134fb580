import { Readable } from 'node:stream';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { BodyPump } from './bodyPump.ts';
import { MAX_HEAD_BYTES } from './direct/directCall.ts';
import type { HeaderFields, HttpRequest, HttpResponse, Transport } from './http.ts';
import { networkError } from './networkError.ts';
import type { ResolvedOptions } from './options.ts';
import { type ProxyServer, proxyFor } from './proxy.ts';
import { createProxyAgent } from './proxyAgent.ts';
import { proxyError } from './proxyError.ts';
import { describeRequest } from './redact.ts';
import type { TransportParts } from './tlsContext.ts';
import type { Watchdog } from './watchdog.ts';

/**
 * Proxies, requests with a body, and responses that are odd. HTTP/1.1 alone: with HTTP/2 all bodies of a
 * host would share one TCP connection and its window (research/pull.md, section 2).
 */
export function createUndiciTransport(parts: TransportParts): Transport {
  const { options, watchdog } = parts;
  const shared = {
    allowH2: false,
    pipelining: 1,
    maxHeaderSize: MAX_HEAD_BYTES,
    // The watchdog does this better: undici's timer stands still under back-pressure (#5393).
    bodyTimeout: 0,
    headersTimeout: options.headersTimeoutMs,
  };
  const direct = new Agent({ ...shared, connect: createConnector(parts) });
  const proxies = new Map<ProxyServer, Dispatcher>();

  function agentOf(proxy: ProxyServer): Dispatcher {
    let agent = proxies.get(proxy);
    if (agent === undefined) {
      const tls = { timeout: options.connectTimeoutMs, secureContext: parts.secureContext() };
      agent = createProxyAgent(proxy, shared, tls);
      proxies.set(proxy, agent);
    }
    return agent;
  }

  return {
    exchange(request) {
      const proxy = proxyFor(request.url, options.proxy);
      const dispatcher = proxy === undefined ? direct : agentOf(proxy);
      return new UndiciCall(request, { proxy, options, watchdog }).send(dispatcher);
    },
    async close() {
      await Promise.all([direct, ...proxies.values()].map((agent) => agent.destroy()));
    },
  };
}

/** Plain connections do not make the TLS context with its 140 root certificates. */
function createConnector({ options, secureContext }: TransportParts): buildConnector.connector {
  const timeout = options.connectTimeoutMs;
  const plain = buildConnector({ timeout });
  let secure: buildConnector.connector | undefined;
  return (target, callback) => {
    if (target.protocol !== 'https:') {
      plain(target, callback);
      return;
    }
    secure ??= buildConnector({ timeout, allowH2: false, secureContext: secureContext() });
    secure(target, callback);
  };
}

interface CallParts extends Pick<TransportParts, 'options' | 'watchdog'> {
  readonly proxy: ProxyServer | undefined;
}

/** One request through undici's dispatch interface: no stream is built around the body. */
class UndiciCall implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest;
  readonly #options: ResolvedOptions;
  readonly #watchdog: Watchdog;
  readonly #proxy: ProxyServer | undefined;
  readonly #head = Promise.withResolvers<HttpResponse>();
  readonly #onAbort = (): void => this.#giveUp(this.#request.signal?.reason);
  #controller: Dispatcher.DispatchController | undefined;
  #givenUp = false;
  #pump: BodyPump | undefined;

  constructor(request: HttpRequest, { proxy, options, watchdog }: CallParts) {
    this.#request = request;
    this.#options = options;
    this.#watchdog = watchdog;
    this.#proxy = proxy;
  }

  send(dispatcher: Dispatcher): Promise<HttpResponse> {
    const { url, method, headers, body, signal, headersTimeoutMs } = this.#request;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    try {
      dispatcher.dispatch(
        {
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method,
          ...bodyOptions(headers, body),
          ...(headersTimeoutMs === undefined ? {} : { headersTimeout: headersTimeoutMs }),
        },
        this,
      );
    } catch (error) {
      this.#head.reject(networkError(error, this.#request));
    }
    return this.#head.promise.finally(() => signal?.removeEventListener('abort', this.#onAbort));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#givenUp) controller.abort(new Error('given up'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200 || this.#givenUp) return;
    const pump = new BodyPump({
      source: {
        resume: () => controller.resume(),
        destroy: () => this.#giveUp(undefined),
      },
      watchdog: this.#watchdog,
      stallTimeoutMs: this.#options.stallTimeoutMs,
      signal: this.#request.signal,
      request: this.#request,
    });
    this.#pump = pump;
    controller.pause();
    this.#head.resolve({
      status,
      headers: readFields(headers),
      url: this.#request.url,
      via: 'undici',
      body: pump,
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#pump?.push(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    this.#pump?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#head.reject(this.#explain(error));
    this.#pump?.fail(error);
  }

  /** Plain requests are handed to the proxy whole: until a response begins, it alone can fail. */
  #explain(error: Error): Error {
    return this.#proxy !== undefined && this.#request.url.protocol === 'http:'
      ? proxyError(error, this.#proxy, describeRequest(this.#request))
      : networkError(error, this.#request);
  }

  #giveUp(reason: unknown): void {
    this.#givenUp = true;
    // First: undici tells the abort within its call, and the first reason counts.
    this.#head.reject(reason);
    this.#controller?.abort(new Error('given up'));
  }
}

/** A piece is asked for when the socket has drained: what a slow registry has not taken stays on disk. */
function bodyOptions(
  headers: HttpRequest['headers'],
  body: HttpRequest['body'],
): Pick<Dispatcher.DispatchOptions, 'headers' | 'body'> {
  if (body === undefined) return { headers: { ...headers }, body: null };
  if (typeof body === 'string' || body instanceof Uint8Array) {
    return { headers: { ...headers }, body };
  }
  // One piece ahead: reading it overlaps with sending the one before.
  return {
    headers: { ...headers, 'content-length': String(body.size) },
    body: Readable.from(body.open(), { highWaterMark: 1 }),
  };
}

function readFields(headers: Record<string, string | string[] | undefined>): HeaderFields {
  const fields = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) fields.set(name.toLowerCase(), Array.isArray(value) ? value : [value]);
  }
  return fields;
}
