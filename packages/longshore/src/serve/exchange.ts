import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Content, planBody } from './bodyPlan.ts';
import type { Decision } from './faultRules.ts';
import { type ByteSink, receiveBody } from './receiveBody.ts';
import { Refusal } from './refusal.ts';
import type { Route } from './route.ts';
import { sendBody } from './sendBody.ts';
import type { Flow } from './shaper.ts';
import type { ByteSource } from './source.ts';

/** A body under way: what holds it back, and who counts its bytes. */
export interface MovingBody extends Disposable {
  readonly flow: Flow;
  readonly onSent: (bytes: number) => void;
  readonly onReceived: (bytes: number) => void;
}

export interface ExchangeParts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly route: Route;
  readonly decision: Decision;
  /**
   * Puts a body under the limits of the decision.
   * @throws Refusal, CutConnection when the crowd is too large for one more
   */
  readonly openBody: () => MovingBody;
  /** True when the client waits for `100 Continue` before it sends. */
  readonly expectsContinue: boolean;
}

/** One request and its answer, with the faults that were drawn for it. */
export class Exchange {
  readonly parts: ExchangeParts;

  constructor(parts: ExchangeParts) {
    this.parts = parts;
  }

  get method(): string {
    return this.parts.request.method ?? 'GET';
  }

  header(name: string): string | undefined {
    const value = this.parts.request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  query(name: string): string | undefined {
    return this.parts.query.get(name) ?? undefined;
  }

  get hasBody(): boolean {
    const length = this.header('content-length');
    return this.header('transfer-encoding') !== undefined || (length ?? '0') !== '0';
  }

  sendEmpty(status: number, headers: Readonly<Record<string, string>> = {}): void {
    const length = status === 204 ? {} : { 'content-length': '0' };
    this.#head(status, { ...length, ...headers });
    this.parts.response.end();
  }

  sendText(status: number, text: string, headers: Readonly<Record<string, string>>): void {
    const length = String(Buffer.byteLength(text));
    this.#head(status, { 'content-length': length, ...headers });
    this.parts.response.end(this.method === 'HEAD' ? undefined : text);
  }

  sendJson(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.sendText(status, JSON.stringify(value), {
      'content-type': 'application/json',
      ...headers,
    });
  }

  #head(status: number, headers: Readonly<Record<string, string>>): void {
    this.parts.response.writeHead(status, { ...headers, ...this.parts.decision.effects.headers });
  }

  /** Answers with content, or with the head of it, whichever was asked. */
  async sendContent(content: Content, open: () => Promise<ByteSource>): Promise<void> {
    const { response, decision } = this.parts;
    const plan = planBody(content, this.header('range'), decision.effects);
    if (plan === 'unsatisfiable') {
      throw new Refusal(416, 'RANGE_INVALID', {
        headers: { 'content-range': `bytes */${content.size}` },
      });
    }
    if (this.method === 'HEAD') {
      response.writeHead(plan.status, { ...plan.headers });
      response.end();
      return;
    }
    using body = this.parts.openBody();
    const source = await open();
    try {
      response.writeHead(plan.status, { ...plan.headers });
      await sendBody(response, { plan, source, flow: body.flow, onBytes: body.onSent });
    } finally {
      await source.close();
    }
  }

  /** Takes in the body; false when the client left before its end. */
  async receive(sink: ByteSink): Promise<boolean> {
    const { request, response, decision } = this.parts;
    using body = this.parts.openBody();
    if (this.parts.expectsContinue) response.writeContinue();
    const { effects } = decision;
    return await receiveBody(request, { sink, flow: body.flow, effects, onBytes: body.onReceived });
  }
}
