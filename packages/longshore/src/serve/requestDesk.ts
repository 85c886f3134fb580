import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Exchange, type MovingBody } from './exchange.ts';
import { type Decision, FaultRules, type RequestFacts } from './faultRules.ts';
import type { Faults } from './faults.ts';
import { watchPeer } from './peerWatch.ts';
import { CutConnection, refusalOfStatus, toRefusal } from './refusal.ts';
import { parseRoute, type Route, splitTarget } from './route.ts';
import { type BodyLimits, type Flow, Shaper } from './shaper.ts';
import { type OpenRecord, StatsBook } from './stats.ts';

export interface DeskOptions {
  /** A monotonic clock. */
  readonly seconds: () => number;
  readonly logLimit: number;
  readonly faults: Faults;
  readonly closing: AbortSignal;
}

/** What one origin does with a request, before and after faults are drawn for it. */
export interface Service {
  /** @throws Refusal */
  admit(exchange: Exchange): void;
  answer(exchange: Exchange): Promise<void>;
}

const NO_LIMITS: BodyLimits = { bytesPerSecond: undefined, total: undefined, crowd: undefined };
const NO_FAULTS: Decision = { effects: {}, limits: NO_LIMITS, done: () => {} };

/** Takes requests in, counts them, draws their faults, and sees to it that each one ends. */
export class RequestDesk {
  readonly stats: StatsBook;
  readonly #options: DeskOptions;
  readonly #shaper: Shaper;
  readonly #factsOfFlow = new WeakMap<Flow, RequestFacts>();
  readonly #running = new Set<Promise<void>>();
  #faults: Faults;
  #rules: FaultRules;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.stats = new StatsBook(options.seconds, options.logLimit);
    this.#shaper = new Shaper(options.seconds);
    this.#faults = options.faults;
    this.#rules = new FaultRules(options.faults, options.seconds);
  }

  get faults(): Faults {
    return this.#faults;
  }

  set faults(faults: Faults) {
    this.#faults = faults;
    this.#rules = new FaultRules(faults, this.#options.seconds);
    for (const flow of this.#shaper.flows) {
      const facts = this.#factsOfFlow.get(flow);
      if (facts !== undefined) flow.limit(this.#rules.limitsFor(facts));
    }
  }

  serve(service: Service, expectsContinue: boolean): RequestListener {
    return (request, response) => {
      const run = this.#handle({ request, response, expectsContinue }, service);
      this.#running.add(run);
      void run.finally(() => this.#running.delete(run));
    };
  }

  async #handle(call: Call, service: Service): Promise<void> {
    const { request, response } = call;
    const { path, query } = splitTarget(request.url ?? '/');
    const route = parseRoute(path, query);
    const record = this.#open(call, route);
    const exchange = (decision: Decision): Exchange =>
      new Exchange({
        request,
        response,
        query,
        route,
        decision,
        expectsContinue: call.expectsContinue,
        openBody: () => this.#openBody(route, factsOf(request, route), { decision, record }),
      });
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    try {
      service.admit(exchange(NO_FAULTS));
      await this.#withFaults(call, this.#rules.decide(factsOf(request, route)), (decision) =>
        service.answer(exchange(decision)),
      );
    } catch (error) {
      await refuse(call, error);
    }
    if (!response.closed) await once(response, 'close');
  }

  #open({ request, response }: Call, route: Route): OpenRecord {
    const { headers } = request;
    const record = this.stats.begin({
      kind: route.kind,
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      repository: route.repository,
      digest: route.digest,
      range: headers.range,
      authorized: headers.authorization !== undefined,
      userAgent: headers['user-agent'],
    });
    response.once('close', () => {
      const status = response.headersSent ? response.statusCode : undefined;
      this.stats.end(record, status, response.writableFinished);
    });
    return record;
  }

  async #withFaults(
    { response }: Call,
    decision: Decision,
    answer: (decision: Decision) => Promise<void>,
  ): Promise<void> {
    response.once('close', () => decision.done());
    const { latencyMs, status } = decision.effects;
    if (latencyMs !== undefined) {
      await delay(latencyMs, undefined, { signal: this.#options.closing });
    }
    if (status === 'reset' || status === 'silence') throw new CutConnection(status);
    if (status !== undefined) throw refusalOfStatus(status, decision.effects);
    await answer(decision);
  }

  #openBody(
    route: Route,
    facts: RequestFacts,
    { decision, record }: { readonly decision: Decision; readonly record: OpenRecord },
  ): MovingBody {
    const counted = BODY_KINDS.has(route.kind);
    const { limits, effects } = decision;
    const refusal = counted ? limits.crowd?.refusal : undefined;
    if (refusal === 'reset') throw new CutConnection('reset');
    if (refusal !== undefined) throw refusalOfStatus(refusal, effects);
    const flow = this.#shaper.open(counted ? limits : NO_LIMITS);
    if (counted) {
      this.#factsOfFlow.set(flow, facts);
      this.stats.bodyOpened();
    }
    return {
      flow,
      onSent: (bytes) => this.stats.sent(record, bytes),
      onReceived: (bytes) => this.stats.received(record, bytes),
      [Symbol.dispose]: () => {
        flow.close();
        if (counted) this.stats.bodyClosed();
      },
    };
  }

  /** Resolves when nothing is being answered. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Lets go of everything that still waits, once the connections are cut. */
  async close(): Promise<void> {
    this.#shaper.close();
    await this.idle();
  }
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly expectsContinue: boolean;
}

/** Bodies that shaping and crowds are about; manifests are too small to matter. */
const BODY_KINDS: ReadonlySet<string> = new Set(['blob', 'content', 'upload']);

function factsOf(request: IncomingMessage, route: Route): RequestFacts {
  const { kind, repository, digest, reference } = route;
  return { method: request.method ?? 'GET', kind, repository, digest, reference };
}

async function refuse({ request, response }: Call, error: unknown): Promise<void> {
  if (error instanceof CutConnection) {
    if (error.how === 'reset') request.socket.resetAndDestroy();
    using _watch = watchPeer(request.socket);
    if (!response.closed) await once(response, 'close');
    return;
  }
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const refusal = toRefusal(error);
  const body = refusal.body();
  const length = String(Buffer.byteLength(body));
  response.writeHead(refusal.status, {
    'content-type': 'application/json',
    'content-length': length,
    ...refusal.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
