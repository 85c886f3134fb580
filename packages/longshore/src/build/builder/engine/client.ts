import { spawn } from 'node:child_process';
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as plainRequest,
} from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { kill } from '../descendants.ts';
import { builderGone } from '../failure.ts';
import { type JsonObject, parseObject } from '../json.ts';
import type { Environment } from '../options.ts';
import type { EngineAddress } from './endpoint.ts';

export interface EngineCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `/images/create` */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as it comes, in chunks. */
  readonly body?: AsyncIterable<Uint8Array> | undefined;
  readonly signal: AbortSignal;
}

export interface EngineAnswer {
  readonly status: number;
  readonly body: IncomingMessage;
}

/**
 * A client of the Docker Engine API for what builds need of it; see ADR 20 for why no SDK. Paths
 * carry no version: the engine then answers in its newest, and what is used here is in all of them.
 */
export class EngineClient {
  readonly address: string;
  readonly #engine: EngineAddress;
  readonly #environment: Environment;

  constructor(engine: EngineAddress, environment: Environment) {
    this.address = engine.address;
    this.#engine = engine;
    this.#environment = environment;
  }

  /**
   * Sends a request and gives the answer, whatever its status.
   * @throws the signal's reason; LongshoreError `ERR_BUILDER_GONE`; what the body throws
   */
  async call(call: EngineCall): Promise<EngineAnswer> {
    const request = this.#open(call);
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', reject);
    });
    // An engine that refuses in the middle of a body answers and closes: the answer is what counts.
    const sent = call.body === undefined ? undefined : sendBody(request, call.body);
    if (sent === undefined) request.end();
    try {
      const failed = sent?.then((error) => (error === undefined ? answer : Promise.reject(error)));
      const body = await (failed === undefined ? answer : Promise.race([answer, failed]));
      return { status: body.statusCode ?? 0, body };
    } catch (error) {
      answer.catch(() => undefined);
      call.signal.throwIfAborted();
      throw this.#gone(error);
    }
  }

  /** The messages of an answer that is a stream of JSON objects, one a line. */
  async *messages(answer: EngineAnswer, signal: AbortSignal): AsyncGenerator<JsonObject> {
    let rest = '';
    try {
      for await (const chunk of answer.body.setEncoding('utf8')) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const message = parseObject(line);
          if (message !== undefined) yield message;
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      throw this.#gone(error);
    }
    const last = parseObject(rest);
    if (last !== undefined) yield last;
  }

  /** A request whose answer is one small object. */
  async ask(call: EngineCall): Promise<{ readonly status: number; readonly object: JsonObject }> {
    const answer = await this.call(call);
    let text = '';
    try {
      for await (const chunk of answer.body.setEncoding('utf8')) text += String(chunk);
    } catch (error) {
      call.signal.throwIfAborted();
      throw this.#gone(error);
    }
    return { status: answer.status, object: parseObject(text) ?? {} };
  }

  #gone(cause: unknown): unknown {
    if (!(cause instanceof Error) || !('code' in cause || cause.message === 'aborted'))
      return cause;
    return builderGone(`The Docker Engine at ${this.address}`, `is gone: ${cause.message}`, cause);
  }

  #open({ method, path, query = {}, headers = {}, signal }: EngineCall): ClientRequest {
    const { endpoint } = this.#engine;
    const options = { method, path: path + formatQuery(query), headers: { ...headers }, signal };
    switch (endpoint.kind) {
      case 'unix':
        return plainRequest({ ...options, socketPath: endpoint.path, agent: new Agent() });
      case 'ssh': {
        const agent = new Agent();
        agent.createConnection = () => this.#dialSsh();
        return plainRequest({ ...options, host: 'localhost', agent });
      }
      case 'tcp': {
        const { host, port, tls } = endpoint;
        if (tls === undefined) return plainRequest({ ...options, host, port, agent: new Agent() });
        const { ca, cert, key, skipVerify } = tls;
        const agent = new SecureAgent({ ca, cert, key, rejectUnauthorized: !skipVerify });
        return secureRequest({ ...options, host, port, agent });
      }
    }
  }

  /** The system's ssh, so that its configuration, agent and known hosts count. */
  #dialSsh(): Duplex {
    const { endpoint } = this.#engine;
    if (endpoint.kind !== 'ssh') throw new TypeError('not an ssh address');
    const port = endpoint.port === undefined ? [] : ['-p', endpoint.port];
    const args = [...port, '-T', '--', endpoint.destination, 'docker', 'system', 'dial-stdio'];
    const child = spawn('ssh', args, {
      env: { ...this.#environment },
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin });
    child.once('error', (error) => duplex.destroy(error));
    duplex.once('close', () => child.pid !== undefined && kill(-child.pid, 'SIGTERM'));
    return duplex;
  }
}

/** @returns why the body itself could not be read; failures of the connection are the answer's */
async function sendBody(request: ClientRequest, body: AsyncIterable<Uint8Array>): Promise<unknown> {
  let failure: unknown;
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  await pipeline(Readable.from(watched(), { objectMode: false }), request).catch(() => undefined);
  return failure;
}

function formatQuery(query: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, value);
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
