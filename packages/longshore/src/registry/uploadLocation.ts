import { RegistryError } from './errors.ts';
import { type HttpResponse, headerValue } from './http.ts';
import { describeRequest } from './redact.ts';
import type { RepositoryAddress } from './types.ts';
import type { UploadSession } from './uploadTypes.ts';

export interface LocationRules {
  readonly mayUsePlainHttp: (url: URL) => boolean;
}

/** Chunks of more than this are no chunks: a registry that asks for them is not believed. */
const MAX_MIN_CHUNK_BYTES = 1024 ** 3;

/**
 * The upload that a response describes: `Location`, `Range` and `OCI-Chunk-Min-Length`
 * (distribution-spec, "Pushing blobs").
 * @throws LongshoreError `ERR_UPLOAD_LOCATION`
 */
export function readSession(
  response: HttpResponse,
  repository: RepositoryAddress,
  rules: LocationRules & { readonly offset: number },
): UploadSession {
  const least = headerValue(response.headers, 'oci-chunk-min-length') ?? '';
  const minChunkBytes = /^\d{1,12}$/.test(least) ? Number(least) : 0;
  return {
    repository,
    url: readLocation(response, rules),
    offset: rules.offset,
    minChunkBytes:
      minChunkBytes > 0 && minChunkBytes <= MAX_MIN_CHUNK_BYTES ? minChunkBytes : undefined,
  };
}

function readLocation(response: HttpResponse, { mayUsePlainHttp }: LocationRules): URL {
  const base = response.url;
  const text = headerValue(response.headers, 'location');
  const target = text === undefined ? null : URL.parse(text, base.href);
  if (target === null) throw invalid(response, 'does not say where the upload goes on');
  target.hash = '';
  target.username = '';
  target.password = '';
  if (target.protocol === 'https:') return target;
  // Behind a proxy that ends TLS, registries often know themselves by plain HTTP.
  if (target.protocol === 'http:' && base.protocol === 'https:' && target.host === base.host) {
    return new URL(`https://${target.host}${target.pathname}${target.search}`);
  }
  if (target.protocol === 'http:' && base.protocol === 'http:' && mayUsePlainHttp(target)) {
    return target;
  }
  throw invalid(response, `sends the upload on to ${target.protocol}//${target.host}`);
}

/** How many bytes a `Range` acknowledges: `0-99` are 100; `0-0` and `0--1` are none, by custom. */
export function acknowledgedBytes(response: HttpResponse): number | undefined {
  const field = headerValue(response.headers, 'range');
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(field ?? '')?.[1];
  if (last === undefined) return field === '0--1' ? 0 : undefined;
  return last === '0' ? 0 : Number(last) + 1;
}

function invalid(response: HttpResponse, what: string): RegistryError {
  return new RegistryError(`${response.url.host} ${what}`, {
    code: 'ERR_UPLOAD_LOCATION',
    hint: 'The registry, or a proxy before it, is set up wrongly; ask whoever runs it',
    status: response.status,
    request: describeRequest({ method: 'POST', url: response.url }),
  });
}
