import { performance } from 'node:perf_hooks';
import { type AuthOptions, basicGuard, type Guard, openGuard, tokenGuard } from './auth.ts';
import { Catalogue } from './catalogue.ts';
import { ContentOrigin } from './contentOrigin.ts';
import { admit, type DispatchRules, dispatch, dispatchContent } from './dispatch.ts';
import type { Faults } from './faults.ts';
import { type Listener, listen } from './listener.ts';
import type { RegistryServer, RegistryServerOptions } from './options.ts';
import { RequestDesk } from './requestDesk.ts';
import type { Site } from './site.ts';
import type { RegistryStats } from './stats.ts';
import { handleToken } from './tokenEndpoint.ts';
import { TokenMint } from './tokenMint.ts';
import { UploadSessions } from './uploadSessions.ts';

const HOUR_MS = 3_600_000;

/**
 * Serves the OCI distribution API (specification 1.1) over a store: for tests and the demo with
 * faults on demand, and without them for real. Bodies are streamed in both directions.
 * @throws LongshoreError `ERR_SERVE_LISTEN`
 */
export async function createRegistryServer(
  options: RegistryServerOptions,
): Promise<RegistryServer> {
  const server = new EmbeddedRegistry(options);
  await server.start();
  return server;
}

class EmbeddedRegistry implements RegistryServer {
  readonly #options: RegistryServerOptions;
  readonly #desk: RequestDesk;
  readonly #closing = new AbortController();
  readonly #site: Site;
  readonly #mint: TokenMint | undefined;
  readonly #rules: DispatchRules;
  readonly #listeners: Listener[] = [];
  #closed: Promise<void> | undefined;

  constructor(options: RegistryServerOptions) {
    const { store, now = Date.now, namespace = 'localhost', auth = { kind: 'none' } } = options;
    const started = performance.now();
    this.#options = options;
    this.#desk = new RequestDesk({
      seconds: () => (performance.now() - started) / 1000,
      logLimit: options.logLimit ?? 10_000,
      faults: options.faults ?? {},
      closing: this.#closing.signal,
    });
    this.#site = {
      store,
      catalogue: new Catalogue({ store, namespace, visibility: options.visibility ?? 'strict' }),
      uploads: new UploadSessions(store, options.uploadIdleMs ?? HOUR_MS),
      contentOrigin: new ContentOrigin(() => this.#openContentOrigin(), now),
      closing: this.#closing.signal,
    };
    const mint = auth.kind === 'token' ? new TokenMint(auth, now) : undefined;
    this.#mint = mint;
    this.#rules = {
      guard: this.#guardFor(auth),
      namespace,
      readOnly: options.readOnly ?? false,
      token:
        auth.kind === 'token' && mint !== undefined
          ? (exchange) => handleToken(exchange, mint, auth)
          : undefined,
    };
  }

  #guardFor(auth: AuthOptions): Guard {
    if (auth.kind === 'basic') return basicGuard(auth);
    if (this.#mint === undefined) return openGuard();
    return tokenGuard(this.#mint, () => `${this.url}/token`);
  }

  async start(): Promise<void> {
    const { port = 0 } = this.#options;
    await this.#listen(port, {
      admit: (exchange) => admit(exchange, this.#rules),
      answer: (exchange) => dispatch(this.#site, exchange, this.#rules),
    });
  }

  async #openContentOrigin(): Promise<string> {
    const listener = await this.#listen(0, {
      // No guard here: a storage service knows signatures alone, and must not be sent anything else.
      admit: (exchange) => {
        if (exchange.header('authorization') !== undefined)
          this.#desk.stats.authorizationLeaks += 1;
      },
      answer: (exchange) => dispatchContent(this.#site, exchange),
    });
    return listener.url;
  }

  async #listen(port: number, service: Parameters<RequestDesk['serve']>[0]): Promise<Listener> {
    const { address = '127.0.0.1', tls } = this.#options;
    const desk = this.#desk;
    const listener = await listen({
      address,
      port,
      tls,
      onRequest: desk.serve(service, false),
      onExpectContinue: desk.serve(service, true),
      onConnect: () => desk.stats.connected(),
      onDisconnect: () => desk.stats.disconnected(),
    });
    this.#listeners.push(listener);
    return listener;
  }

  get #main(): Listener {
    const [main] = this.#listeners;
    if (main === undefined) throw new TypeError('the server has not been started');
    return main;
  }

  get url(): string {
    return this.#main.url;
  }

  get host(): string {
    return this.#main.host;
  }

  get port(): number {
    return this.#main.port;
  }

  get stats(): RegistryStats {
    return this.#desk.stats;
  }

  get faults(): Faults {
    return this.#desk.faults;
  }

  set faults(faults: Faults) {
    this.#desk.faults = faults;
  }

  idle(): Promise<void> {
    return this.#desk.idle();
  }

  revokeTokens(): void {
    this.#mint?.revokeAll();
  }

  close(): Promise<void> {
    this.#closed ??= this.#stop();
    return this.#closed;
  }

  async #stop(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await this.#desk.close();
    await this.#site.uploads.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
