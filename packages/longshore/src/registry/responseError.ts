import { readBody } from './body.ts';
import { RegistryError } from './errors.ts';
import { type HttpResponse, headerValue } from './http.ts';
import { cleanText, describeRequest } from './redact.ts';
import { isRetryableStatus } from './retry.ts';
import { parseRetryAfter } from './retryAfter.ts';

/** What a request was for, in the words of its error message. */
export interface ErrorSubject {
  /** `the manifest of ghcr.io/a/b:1`, `blob sha256:...`. */
  readonly what: string;
  readonly registry: string;
  readonly method: string;
  /** Where the credentials came from that were tried, if any were. */
  readonly credentialSource?: string | undefined;
  /** @defaultValue for reading */
  readonly judge?: JudgeResponse | undefined;
}

/** What a status means, in words. */
export interface Verdict {
  readonly code: string;
  readonly text: string;
  readonly hint: string | undefined;
  /** @defaultValue by the status */
  readonly retryable?: boolean;
}

/**
 * Reads what a status means for what was asked.
 * @param codes of the error document, upper case: `BLOB_UPLOAD_UNKNOWN`
 * @param said what the registry says about it
 */
export type JudgeResponse = (
  status: number,
  subject: ErrorSubject,
  answer: { readonly codes: readonly string[]; readonly said: string },
) => Verdict | undefined;

const MAX_ERROR_BYTES = 64 * 1024;

/**
 * The error for a response that is not the one hoped for, with what the registry itself says about
 * it. Reads the body, up to 64 KiB of it.
 */
export async function responseError(
  response: HttpResponse,
  subject: ErrorSubject,
): Promise<RegistryError> {
  const { status, headers, url } = response;
  const { said, codes } = await readRegistryText(response);
  const verdict =
    subject.judge?.(status, subject, { codes, said }) ??
    (response.redirected === true ? judgeRedirected(response, subject) : undefined) ??
    judge(status, subject);
  const details = said === '' ? `HTTP ${status}` : `HTTP ${status}: ${said}`;
  return new RegistryError(`${verdict.text} (${details})`, {
    code: verdict.code,
    hint: verdict.hint,
    retryable: verdict.retryable ?? isRetryableStatus(status),
    status,
    retryAfterMs: parseRetryAfter(headerValue(headers, 'retry-after') ?? '', Date.now()),
    request: describeRequest({ method: subject.method, url }),
  });
}

/** How stores behind registries answer an address that is signed wrongly, used up or out of date. */
const BAD_ADDRESS: ReadonlySet<number> = new Set([400, 401, 403, 410]);

function judgeRedirected(
  { status, url }: HttpResponse,
  { what, registry, method }: ErrorSubject,
): Verdict | undefined {
  if (!BAD_ADDRESS.has(status) || method !== 'GET') return undefined;
  return {
    code: 'ERR_ADDRESS_REFUSED',
    text: `${url.host} does not accept the address that ${registry} gave for ${what}`,
    hint: 'Signed addresses expire: check the clock of this machine; else ask whoever runs the registry',
    // The registry signs a new one when it is asked again.
    retryable: true,
  };
}

function judge(status: number, { what, registry, credentialSource }: ErrorSubject): Verdict {
  const login = `longshore login ${registry}`;
  switch (status) {
    case 401:
      return credentialSource === undefined
        ? {
            code: 'ERR_UNAUTHORIZED',
            text: `${registry} does not give ${what} to anonymous clients`,
            hint: `Check the name; when it is private, run: ${login}`,
          }
        : {
            code: 'ERR_UNAUTHORIZED',
            text: `${registry} does not give ${what} with the credentials from ${credentialSource}`,
            hint: `Check the name; when the credentials are out of date, run: ${login}`,
          };
    case 403:
      return {
        code: 'ERR_DENIED',
        text: `${registry} denies access to ${what}`,
        hint:
          credentialSource === undefined
            ? `Check the name; when it is private, run: ${login}`
            : `The credentials came from ${credentialSource}; ask whoever runs the registry for access`,
      };
    case 404:
      return {
        code: 'ERR_NOT_FOUND',
        text: `${registry} does not have ${what}`,
        hint: 'Check the spelling of name and tag; private names look like this too',
      };
    case 413:
      return {
        code: 'ERR_REQUEST_REFUSED',
        text: `${what} is too large for ${registry}`,
        hint: undefined,
      };
    case 416:
      return {
        code: 'ERR_RANGE_NOT_SATISFIABLE',
        text: `${registry} does not give this range of ${what}`,
        hint: undefined,
      };
    case 429:
      return {
        code: 'ERR_RATE_LIMITED',
        text: `${registry} limits how often it is asked, and did so for ${what}`,
        hint:
          credentialSource === undefined
            ? `Logged in, the limit is often higher: ${login}; or wait, or use fewer workers`
            : 'Wait, or use fewer workers',
      };
    default:
      return status >= 500
        ? {
            code: 'ERR_REGISTRY_UNAVAILABLE',
            text: `${registry} failed on ${what}`,
            hint: 'The registry is at fault; try again later',
          }
        : {
            code: 'ERR_REQUEST_REFUSED',
            text: `${registry} does not answer as a registry would, for ${what}`,
            hint: undefined,
          };
  }
}

/** The texts of an OCI error document, else the start of a short text; cleaned for terminals. */
async function readRegistryText(
  response: HttpResponse,
): Promise<{ said: string; codes: readonly string[] }> {
  let body: string;
  try {
    body = (await readBody(response, MAX_ERROR_BYTES)).toString('utf8');
  } catch {
    return { said: '', codes: [] };
  }
  const document = readErrors(body);
  if (document !== undefined) return { ...document, said: cleanText(document.said) };
  const type = headerValue(response.headers, 'content-type') ?? '';
  return { said: /^text\/plain\b/i.test(type) ? cleanText(body) : '', codes: [] };
}

function readErrors(body: string): { said: string; codes: readonly string[] } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  // `errors` by the distribution specification; `details` is Docker Hub's, `error*` OAuth2's.
  const fields = value as Readonly<Record<string, unknown>>;
  if (Array.isArray(fields['errors'])) {
    const errors = fields['errors'].slice(0, 3);
    const said = errors.map(readError).filter((text) => text !== '');
    return { said: said.join('; '), codes: errors.map(readCode) };
  }
  const text =
    fields['error_description'] ?? fields['details'] ?? fields['message'] ?? fields['error'];
  return typeof text === 'string' ? { said: text, codes: [] } : undefined;
}

function readCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code.toUpperCase() : '';
}

function readError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, message } = error as Readonly<Record<string, unknown>>;
  return [code, message].filter((part) => typeof part === 'string' && part !== '').join(': ');
}
