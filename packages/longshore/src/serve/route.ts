import type { RequestKind } from './faults.ts';

/** What a path asks for. Names and digests are as they came, not yet checked. */
export interface Route {
  readonly kind: RequestKind;
  readonly repository?: string;
  /** Tag or digest of a manifest. */
  readonly reference?: string;
  readonly digest?: string;
  /** Upload session; empty for a new one. */
  readonly session?: string;
}

const TOKEN_PATH = '/token';
const CONTENT = /^\/content\/([^/]+)$/;
const MANIFEST = /^(.+)\/manifests\/([^/]+)$/;
const UPLOAD = /^(.+)\/blobs\/uploads(?:\/([^/]*))?$/;
const BLOB = /^(.+)\/blobs\/([^/]+)$/;
const TAGS = /^(.+)\/tags\/list$/;
const REFERRERS = /^(.+)\/referrers\/([^/]+)$/;

/** Path and query of a request target. Nothing is normalised: dots in a path are no names either. */
export function splitTarget(target: string): {
  readonly path: string;
  readonly query: URLSearchParams;
} {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return { path, query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)) };
}

/** Takes a request's path apart, by the end points of the distribution specification. */
export function parseRoute(pathname: string, query: URLSearchParams): Route {
  const path = decode(pathname);
  if (path === TOKEN_PATH) return { kind: 'token' };
  const content = CONTENT.exec(path);
  if (content?.[1] !== undefined) return { kind: 'content', digest: content[1] };
  if (path === '/v2' || path === '/v2/') return { kind: 'ping' };
  if (path === '/v2/_catalog') return { kind: 'catalog' };
  return path.startsWith('/v2/') ? parseRepositoryRoute(path.slice(4), query) : { kind: 'other' };
}

function parseRepositoryRoute(path: string, query: URLSearchParams): Route {
  const [, manifestOf, reference] = MANIFEST.exec(path) ?? [];
  if (manifestOf !== undefined && reference !== undefined) {
    const digest = reference.includes(':') ? { digest: reference } : {};
    return { kind: 'manifest', repository: manifestOf, reference, ...digest };
  }
  const [isUpload, uploadTo, session = ''] = UPLOAD.exec(path) ?? [];
  if (isUpload !== undefined && uploadTo !== undefined) {
    const digest = query.get('digest') ?? query.get('mount');
    return {
      kind: 'upload',
      repository: uploadTo,
      session,
      ...(digest === null ? {} : { digest }),
    };
  }
  const [, blobOf, digest] = BLOB.exec(path) ?? [];
  if (blobOf !== undefined && digest !== undefined) {
    return { kind: 'blob', repository: blobOf, digest };
  }
  const [, tagsOf] = TAGS.exec(path) ?? [];
  if (tagsOf !== undefined) return { kind: 'tags', repository: tagsOf };
  const [, referrersOf, subject] = REFERRERS.exec(path) ?? [];
  if (referrersOf !== undefined && subject !== undefined) {
    return { kind: 'referrers', repository: referrersOf, digest: subject };
  }
  return { kind: 'other' };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
