import { Agent, request } from 'undici';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  json(): unknown;
}

export interface CallOptions {
  readonly method?: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly ca?: string;
}

/** One request over undici, its answer read whole. Redirects are not followed. */
export async function call(url: string | URL, options: CallOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, ca } = options;
  const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } });
  try {
    const answer = await request(url, {
      dispatcher,
      method,
      headers: { ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: bytes,
      json: () => JSON.parse(bytes.toString()),
    };
  } finally {
    await dispatcher.destroy();
  }
}

/** The first error code of an answer in the format of the distribution specification. */
export function errorCode(answer: Answer): unknown {
  const document = answer.json();
  if (typeof document !== 'object' || document === null || !('errors' in document))
    return undefined;
  const [first] = Array.isArray(document.errors) ? document.errors : [];
  return typeof first === 'object' && first !== null && 'code' in first ? first.code : undefined;
}

/** A header that came once. */
export function header(answer: Answer, name: string): string {
  const value = answer.headers[name];
  if (typeof value !== 'string') throw new TypeError(`no single ${name} header: ${String(value)}`);
  return value;
}
