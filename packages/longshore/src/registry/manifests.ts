import {
  type Descriptor,
  type Digest,
  digestAlgorithm,
  digestOf,
  formatReference,
  isDigest,
  isIndexType,
  isManifestType,
  MANIFEST_ACCEPT,
  MAX_MANIFEST_BYTES,
  parseManifest,
  type Reference,
  referenceTarget,
  shortDigest,
} from '../image/index.ts';
import { readBody } from './body.ts';
import type { RegistryCall, RegistryClient } from './client.ts';
import { RegistryError } from './errors.ts';
import { type HeaderFields, type HttpResponse, headerValue } from './http.ts';
import type { FetchedManifest, ManifestLookup, RepositoryAddress } from './types.ts';
import { withRetries } from './withRetries.ts';

/** HEAD is not everywhere: these answers to it are worth a GET. */
const HEAD_REFUSED: ReadonlySet<number> = new Set([400, 405, 406, 415, 501]);
/** Manifests that a GET for `resolve` has brought already, until `manifest` asks for them. */
const MAX_KEPT = 32;

interface ResolveOptions extends ManifestLookup {
  /** In the words of token scopes. @defaultValue `pull` */
  readonly actions?: string | undefined;
}

interface Lookup extends RegistryCall {
  readonly retry: boolean | undefined;
}

/** The manifest half of `Registry`. */
export interface Manifests {
  resolve(reference: Reference, options?: ResolveOptions): Promise<Descriptor>;
  manifest(
    repository: RepositoryAddress,
    descriptor: Descriptor,
    options?: Pick<ResolveOptions, 'signal' | 'retry'>,
  ): Promise<FetchedManifest>;
}

export function createManifests(client: RegistryClient): Manifests {
  // Docker Hub counts manifest GETs against the pull quota, HEADs not: no manifest twice.
  const kept = new Map<string, Uint8Array>();

  async function resolveByHead(reference: Reference, call: Lookup): Promise<Descriptor> {
    const told = await send({ ...call, method: 'HEAD' }, async (head) =>
      readHead(await client.send(head, [200, ...HEAD_REFUSED])),
    );
    return told !== undefined && agrees(reference, told) ? told : resolveByGet(reference, call);
  }

  async function resolveByGet(reference: Reference, call: Lookup): Promise<Descriptor> {
    const { bytes, type, told } = await get(call);
    const expected = reference.digest ?? told;
    const digest = digestOf(bytes, expected && digestAlgorithm(expected));
    if (expected !== undefined && digest !== expected) throw wrongDigest(call, digest, expected);
    keep(keyOf(reference, digest), bytes);
    const mediaType = parseManifest(bytes, type).mediaType;
    return { mediaType, digest, size: bytes.byteLength };
  }

  async function get(call: Lookup): Promise<{
    bytes: Buffer;
    type: string | undefined;
    told: Digest | undefined;
  }> {
    return send({ ...call, method: 'GET' }, async (request) => {
      const response = await client.send(request, [200]);
      const told = headerValue(response.headers, 'docker-content-digest');
      return {
        bytes: await readManifestBody(response, request),
        type: knownType(response.headers),
        told: isDigest(told) ? told : undefined,
      };
    });
  }

  function send<T>(call: Lookup, operation: (call: RegistryCall) => Promise<T>): Promise<T> {
    const { method, signal, retry } = call;
    const context = { method, signal, retry, url: client.urlOf(call) };
    return withRetries(() => operation(call), client.options, context);
  }

  function keep(key: string, bytes: Uint8Array): void {
    const oldest = kept.keys().next();
    if (kept.size >= MAX_KEPT && oldest.done !== true) kept.delete(oldest.value);
    kept.set(key, bytes);
  }

  return {
    resolve(reference, { signal, actions, manifestToo = false, retry } = {}) {
      const call = callFor(reference, referenceTarget(reference), signal);
      const resolve = manifestToo ? resolveByGet : resolveByHead;
      return resolve(reference, {
        ...call,
        retry,
        access: { ...call.access, actions },
        what: `the manifest of ${nameOf(reference)}`,
      });
    },

    async manifest(repository, descriptor, { signal, retry } = {}) {
      if (descriptor.size > MAX_MANIFEST_BYTES) throw tooLarge(nameOf(repository), descriptor.size);
      const key = keyOf(repository, descriptor.digest);
      const call = callFor(repository, descriptor.digest, signal, descriptor.mediaType);
      const bytes = kept.get(key) ?? (await get({ ...call, retry })).bytes;
      kept.delete(key);
      checkContent(bytes, descriptor, call);
      return { descriptor, bytes };
    },
  };
}

function callFor(
  { registry, repository }: RepositoryAddress,
  target: string,
  signal: AbortSignal | undefined,
  mediaType?: string,
): RegistryCall {
  const accept = new Set(
    mediaType === undefined ? MANIFEST_ACCEPT : [mediaType, ...MANIFEST_ACCEPT],
  );
  return {
    method: 'GET',
    kind: 'metadata',
    access: { registry, repository },
    path: `${repository}/manifests/${target}`,
    headers: { accept: [...accept].join(', ') },
    signal,
    what: `manifest ${isDigest(target) ? shortDigest(target) : target} of ${registry}/${repository}`,
  };
}

function nameOf(address: RepositoryAddress | Reference): string {
  return formatReference(address);
}

function keyOf({ registry, repository }: RepositoryAddress, digest: Digest): string {
  return `${registry}/${repository}@${digest}`;
}

/** What a HEAD told, when it told all of it and all of it can be believed. */
async function readHead({ status, headers, body }: HttpResponse): Promise<Descriptor | undefined> {
  // Nothing comes, but only a response that was read to its end frees its connection.
  await body.consume(() => undefined);
  if (status !== 200) return undefined;
  const digest = headerValue(headers, 'docker-content-digest');
  const mediaType = knownType(headers);
  const length = headerValue(headers, 'content-length') ?? '';
  const size = /^\d{1,12}$/.test(length) ? Number(length) : 0;
  if (!isDigest(digest) || mediaType === undefined || size === 0) return undefined;
  return { mediaType, digest, size };
}

/** A digest that the user gave is what counts; one of another algorithm cannot be compared. */
function agrees(reference: Reference, told: Descriptor): boolean {
  return reference.digest === undefined || reference.digest === told.digest;
}

function knownType(headers: HeaderFields): string | undefined {
  const type = headerValue(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  return type !== undefined && (isIndexType(type) || isManifestType(type)) ? type : undefined;
}

async function readManifestBody(response: HttpResponse, call: RegistryCall): Promise<Buffer> {
  try {
    return await readBody(response, MAX_MANIFEST_BYTES);
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'ERR_RESPONSE_TOO_LARGE') throw error;
    throw tooLarge(call.what, undefined);
  }
}

function checkContent(bytes: Uint8Array, descriptor: Descriptor, call: RegistryCall): void {
  if (bytes.byteLength !== descriptor.size) {
    throw new RegistryError(
      `${call.what} has ${bytes.byteLength} bytes, it should have ${descriptor.size}`,
      { code: 'ERR_SIZE_MISMATCH', hint: faulty(call.access.registry) },
    );
  }
  const digest = digestOf(bytes, digestAlgorithm(descriptor.digest));
  if (digest !== descriptor.digest) throw wrongDigest(call, digest, descriptor.digest);
}

function wrongDigest(call: RegistryCall, actual: Digest, expected: Digest): RegistryError {
  return new RegistryError(`${call.what} has digest ${actual}, it should have ${expected}`, {
    code: 'ERR_DIGEST_MISMATCH',
    hint: faulty(call.access.registry),
  });
}

function tooLarge(what: string, size: number | undefined): RegistryError {
  const told = size === undefined ? 'over' : `${size} bytes, over`;
  return new RegistryError(`${what} is ${told} the limit of ${MAX_MANIFEST_BYTES} bytes`, {
    code: 'ERR_MANIFEST_TOO_LARGE',
    hint: 'Whoever pushed the image has to push it again with a smaller manifest',
  });
}

function faulty(registry: string): string {
  return `${registry}, or something between here and there, gave other content; try again, or ask whoever runs it`;
}
