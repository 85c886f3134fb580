import { type Descriptor, referenceTarget, shortDigest } from '../image/index.ts';
import { finishBody } from './body.ts';
import type { RegistryCall, RegistryClient } from './client.ts';
import { mayUsePlainHttp } from './endpoint.ts';
import { RegistryError } from './errors.ts';
import { type HttpResponse, headerValue } from './http.ts';
import { judgePush } from './judgePush.ts';
import type { Manifests } from './manifests.ts';
import type { RepositoryAddress } from './types.ts';
import { acknowledgedBytes, readSession } from './uploadLocation.ts';
import type { RegistryUploads, UploadOptions, UploadSession } from './uploadTypes.ts';
import { withRetries } from './withRetries.ts';

/** A registry hashes and moves what it has got before it answers (adaptive.md, section 2). */
const COMMIT_TIMEOUT_MS = 120_000;
const COMMIT_BYTES_PER_MS = 20_000;
/** An upload is only worth so long a goodbye. */
const DELETE_TIMEOUT_MS = 5_000;
/** How registries say that they do not delete, or not for this account. */
const NOT_DELETED: ReadonlySet<number> = new Set([400, 401, 403, 405, 501]);

/** The part of `Registry` that changes registries. */
export function createUploads(client: RegistryClient, manifests: Manifests): RegistryUploads {
  const rules = {
    mayUsePlainHttp: (url: URL) => mayUsePlainHttp(url, client.options.insecureHosts),
  };

  /** For requests that may be sent again: all but those with a blob in them. */
  function sendAgain(call: RegistryCall, expected: readonly number[]): Promise<HttpResponse> {
    const { method, signal } = call;
    const context = { method, signal, url: client.urlOf(call) };
    return withRetries(() => client.send(call, expected), client.options, context);
  }

  async function patchChunk(
    session: UploadSession,
    sending: Sending & { readonly end: number },
  ): Promise<UploadSession> {
    const { descriptor, body, end, signal } = sending;
    const start = session.offset;
    const call = uploadCall(session, { method: 'PATCH', descriptor, signal });
    const response = await client.send(
      {
        ...call,
        headers: {
          'content-type': 'application/octet-stream',
          'content-range': `${start}-${end - 1}`,
        },
        body: { size: end - start, open: () => body.read(start, end) },
        headersTimeoutMs: commitTimeout(end - start),
      },
      [202],
    );
    await finishBody(response);
    const offset = acknowledgedBytes(response);
    if (offset !== undefined && offset > start && offset <= end) {
      return readSession(response, session.repository, { ...rules, offset });
    }
    throw new RegistryError(
      `${session.repository.registry} acknowledged ${offset ?? 'nothing'} after byte ${end} of ${call.what}`,
      {
        code: 'ERR_CHUNKS_UNSUPPORTED',
        hint: 'This registry does not take chunks; push without --chunk-size',
      },
    );
  }

  async function putRest(session: UploadSession, sending: Sending): Promise<void> {
    const { descriptor, body, signal } = sending;
    const { offset } = session;
    const { size, digest } = descriptor;
    const url = new URL(session.url);
    url.searchParams.set('digest', digest);
    const call = uploadCall({ ...session, url }, { method: 'PUT', descriptor, signal });
    const response = await client.send(
      {
        ...call,
        headers: { 'content-type': 'application/octet-stream' },
        // Without a body for an empty rest: its length is then told as 0.
        ...(size > offset
          ? { body: { size: size - offset, open: () => body.read(offset, size) } }
          : {}),
        headersTimeoutMs: commitTimeout(size),
      },
      [200, 201, 204],
    );
    await finishBody(response);
    checkStored(response, descriptor, call.what);
  }

  return {
    async find(reference, { signal } = {}) {
      try {
        return await manifests.resolve(reference, { signal, actions: 'pull,push' });
      } catch (error) {
        if (error instanceof RegistryError && error.status === 404) return undefined;
        throw error;
      }
    },

    async hasBlob(repository, descriptor, { signal } = {}) {
      const path = `${repository.repository}/blobs/${descriptor.digest}`;
      const call = pushCall(repository, {
        method: 'HEAD',
        path,
        what: blobName(repository, descriptor),
        signal,
      });
      const response = await sendAgain({ ...call, judge: undefined }, [200, 404]);
      await finishBody(response);
      if (response.status === 404) return false;
      const length = headerValue(response.headers, 'content-length');
      // Some answer a HEAD without a length, or with 0, as HTTP lets them. Another length is another
      // blob, or none: sending it again is what helps.
      const told = length === undefined || length === '0' ? descriptor.size : Number(length);
      return told === descriptor.size;
    },

    async mountBlob(repository, digest, { from, signal }) {
      const call = startCall(repository, signal);
      const url = client.urlOf(call);
      url.searchParams.set('mount', digest);
      url.searchParams.set('from', from);
      const access = { ...call.access, mountFrom: from };
      const response = await sendAgain({ ...call, url, access }, [201, 202]);
      await finishBody(response);
      if (response.status === 201) return 'mounted';
      return readSession(response, repository, { ...rules, offset: 0 });
    },

    async startUpload(repository, { signal } = {}) {
      const response = await client.send(startCall(repository, signal), [202]);
      await finishBody(response);
      return readSession(response, repository, { ...rules, offset: 0 });
    },

    async checkUpload(session, { signal } = {}) {
      const response = await sendAgain(
        { ...uploadCall(session, { method: 'GET', signal }), judge: undefined },
        [200, 202, 204, 404],
      );
      await finishBody(response);
      if (response.status === 404) return undefined;
      const offset = acknowledgedBytes(response) ?? 0;
      const moved = headerValue(response.headers, 'location') === undefined;
      return moved
        ? { ...session, offset }
        : readSession(response, session.repository, { ...rules, offset });
    },

    async uploadBlob(session, descriptor, { body, chunkBytes, onSession, signal }) {
      const sending = { descriptor, body, signal };
      let at = session;
      const chunk =
        chunkBytes === undefined
          ? Number.POSITIVE_INFINITY
          : Math.max(chunkBytes, at.minChunkBytes ?? 0);
      while (descriptor.size - at.offset > chunk) {
        at = await patchChunk(at, { ...sending, end: at.offset + chunk });
        onSession?.(at);
      }
      await putRest(at, sending);
    },

    async deleteUpload(session, { signal } = {}) {
      const timeout = AbortSignal.timeout(DELETE_TIMEOUT_MS);
      const both = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
      try {
        const call = uploadCall(session, { method: 'DELETE', signal: both });
        await finishBody(await client.send(call, [200, 202, 204, 404]));
      } catch {
        // The registry throws it away in its own time.
      }
    },

    async putManifest(reference, { descriptor, bytes }, { signal } = {}) {
      const target = referenceTarget(reference);
      const path = `${reference.repository}/manifests/${target}`;
      const what = `manifest ${target === descriptor.digest ? shortDigest(descriptor.digest) : target} of ${nameOf(reference)}`;
      const call = pushCall(reference, { method: 'PUT', path, what, signal });
      const headers = { 'content-type': descriptor.mediaType };
      const response = await sendAgain({ ...call, headers, body: bytes }, [200, 201, 202, 204]);
      await finishBody(response);
      checkStored(response, descriptor, what);
      return { listsReferrer: headerValue(response.headers, 'oci-subject') !== undefined };
    },

    async deleteManifest(repository, digest, { signal } = {}) {
      const call = pushCall(repository, {
        method: 'DELETE',
        path: `${repository.repository}/manifests/${digest}`,
        what: `manifest ${shortDigest(digest)} of ${nameOf(repository)}`,
        signal,
      });
      const access = { ...call.access, actions: 'pull,delete' };
      try {
        await finishBody(await sendAgain({ ...call, access }, [200, 202, 204, 404]));
        return true;
      } catch (error) {
        if (error instanceof RegistryError && NOT_DELETED.has(error.status ?? 0)) return false;
        throw error;
      }
    },
  };
}

interface Sending extends Pick<UploadOptions, 'signal'> {
  readonly descriptor: Descriptor;
  readonly body: { read(start: number, end: number): AsyncIterable<Uint8Array> };
}

type CallParts = Pick<RegistryCall, 'method' | 'path' | 'what' | 'signal'>;

function pushCall({ registry, repository }: RepositoryAddress, parts: CallParts): RegistryCall {
  return {
    kind: 'metadata',
    access: { registry, repository, actions: 'pull,push' },
    judge: judgePush,
    ...parts,
  };
}

function startCall(repository: RepositoryAddress, signal: AbortSignal | undefined): RegistryCall {
  const path = `${repository.repository}/blobs/uploads/`;
  return pushCall(repository, {
    method: 'POST',
    path,
    what: `uploads to ${nameOf(repository)}`,
    signal,
  });
}

function uploadCall(
  { repository, url }: UploadSession,
  {
    method,
    descriptor,
    signal,
  }: Pick<RegistryCall, 'method' | 'signal'> & { readonly descriptor?: Descriptor },
): RegistryCall {
  const what =
    descriptor === undefined
      ? `uploads to ${nameOf(repository)}`
      : blobName(repository, descriptor);
  return { ...pushCall(repository, { method, path: '', what, signal }), url };
}

/** What a registry says it has stored has to be what was sent. */
function checkStored(
  response: HttpResponse,
  { digest }: Pick<Descriptor, 'digest'>,
  what: string,
): void {
  const told = headerValue(response.headers, 'docker-content-digest');
  if (told === undefined || told === digest || !told.startsWith(digest.slice(0, 7))) return;
  throw new RegistryError(`${response.url.host} stored ${what} as ${told.slice(0, 100)}`, {
    code: 'ERR_DIGEST_MISMATCH',
    hint: 'Something between here and there changes content; check the store too: longshore cache verify',
  });
}

function commitTimeout(bytes: number): number {
  return Math.max(COMMIT_TIMEOUT_MS, Math.ceil(bytes / COMMIT_BYTES_PER_MS));
}

function blobName(repository: RepositoryAddress, { digest }: Descriptor): string {
  return `blob ${shortDigest(digest)} of ${nameOf(repository)}`;
}

function nameOf({ registry, repository }: RepositoryAddress): string {
  return `${registry}/${repository}`;
}
