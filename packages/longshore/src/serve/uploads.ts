import { setTimeout as delay } from 'node:timers/promises';
import { type Digest, isDigest } from '../image/index.ts';
import { requireDigest } from './blobs.ts';
import { parseChunkRange } from './byteRange.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './refusal.ts';
import type { RepositoryName } from './repositoryName.ts';
import type { Site } from './site.ts';
import type { UploadSession } from './uploadSessions.ts';

export interface UploadAddress {
  readonly repository: RepositoryName;
  /** Empty for a new session. */
  readonly session: string;
  /** Where a mount may come from, when the client may read there. */
  readonly mountFrom: RepositoryName | undefined;
}

/** Serves `/v2/<name>/blobs/uploads/[<session>]`. */
export async function handleUpload(
  site: Site,
  exchange: Exchange,
  at: UploadAddress,
): Promise<void> {
  if (at.session === '') {
    if (exchange.method !== 'POST') throw new Refusal(405, 'UNSUPPORTED');
    return startUpload(site, exchange, at);
  }
  const session = findSession(site, exchange, at);
  switch (exchange.method) {
    case 'GET':
    case 'HEAD':
      return exchange.sendEmpty(204, progressHeaders(at.repository, session));
    case 'PATCH':
      return appendChunk(exchange, at.repository, session);
    case 'PUT':
      return finishUpload(site, exchange, { repository: at.repository, session });
    case 'DELETE':
      await cutOffWriter(session);
      await site.uploads.abort(session);
      return exchange.sendEmpty(204);
    default:
      throw new Refusal(405, 'UNSUPPORTED');
  }
}

async function startUpload(site: Site, exchange: Exchange, at: UploadAddress): Promise<void> {
  const mounted = await tryMount(site, exchange, at);
  if (mounted !== undefined) return exchange.sendEmpty(201, blobHeaders(at.repository, mounted));
  const session = await site.uploads.start(at.repository.full);
  const atOnce = exchange.query('digest');
  if (atOnce !== undefined && exchange.query('mount') === undefined) {
    return finishUpload(site, exchange, { repository: at.repository, session });
  }
  exchange.sendEmpty(202, progressHeaders(at.repository, session));
}

/** A mount that cannot be is no error: the client gets a session and uploads. */
async function tryMount(
  site: Site,
  exchange: Exchange,
  at: UploadAddress,
): Promise<Digest | undefined> {
  const wanted = exchange.query('mount');
  if (wanted === undefined || at.mountFrom === undefined) return undefined;
  if (exchange.parts.decision.effects.refuseMounts === true) return undefined;
  const digest = requireDigest(wanted);
  if ((await site.catalogue.blobSize(at.mountFrom, digest)) === undefined) return undefined;
  site.catalogue.addBlob(at.repository, digest);
  return digest;
}

function findSession(site: Site, exchange: Exchange, at: UploadAddress): UploadSession {
  const session = site.uploads.find(at.repository.full, at.session);
  if (session !== undefined && exchange.query('_state') === session.state) return session;
  throw new Refusal(404, 'BLOB_UPLOAD_UNKNOWN', { message: `no upload session ${at.session}` });
}

async function appendChunk(
  exchange: Exchange,
  repository: RepositoryName,
  session: UploadSession,
): Promise<void> {
  await cutOffWriter(session);
  checkChunkRange(exchange, repository, session);
  await takeIn(exchange, session);
  exchange.sendEmpty(202, progressHeaders(repository, session));
}

async function finishUpload(
  site: Site,
  exchange: Exchange,
  at: { readonly repository: RepositoryName; readonly session: UploadSession },
): Promise<void> {
  const { repository, session } = at;
  await cutOffWriter(session);
  const digest = exchange.query('digest');
  if (!isDigest(digest)) throw new Refusal(400, 'DIGEST_INVALID', { message: 'not a digest' });
  if (exchange.hasBody) {
    checkChunkRange(exchange, repository, session);
    await takeIn(exchange, session);
  }
  const { commitLatencyMs } = exchange.parts.decision.effects;
  if (commitLatencyMs !== undefined) {
    await delay(commitLatencyMs, undefined, { signal: site.closing });
  }
  await commit(site, session, digest);
  site.catalogue.addBlob(repository, digest);
  exchange.sendEmpty(201, blobHeaders(repository, digest));
}

async function commit(site: Site, session: UploadSession, digest: Digest): Promise<void> {
  try {
    await session.upload.commit(digest);
    site.uploads.end(session);
  } catch (error) {
    // What did not become the blob it was said to be cannot be continued either.
    await site.uploads.abort(session);
    throw error;
  }
}

/** A client that comes back while its old request still hangs goes on; the old request is cut. */
async function cutOffWriter(session: UploadSession): Promise<void> {
  while (session.cutOff !== undefined) await session.cutOff();
}

async function takeIn(exchange: Exchange, session: UploadSession): Promise<void> {
  const ended = Promise.withResolvers<void>();
  session.cutOff = () => {
    exchange.parts.request.socket.destroy();
    return ended.promise;
  };
  let whole = false;
  try {
    whole = await exchange.receive(session.upload);
  } finally {
    session.cutOff = undefined;
    ended.resolve();
  }
  if (!whole) throw new Refusal(400, 'BLOB_UPLOAD_INVALID', { message: 'the body was cut short' });
}

/** Chunks come in order, and are as long as they say; without the header anything goes. */
function checkChunkRange(
  exchange: Exchange,
  repository: RepositoryName,
  session: UploadSession,
): void {
  const header = exchange.header('content-range');
  if (header === undefined) return;
  const range = parseChunkRange(header);
  if (range === undefined || range.start !== session.upload.offset) {
    throw new Refusal(416, 'RANGE_INVALID', {
      message: `the upload is at ${session.upload.offset}`,
      headers: progressHeaders(repository, session),
    });
  }
  const length = exchange.header('content-length');
  if (length !== undefined && Number(length) !== range.end - range.start) {
    throw new Refusal(400, 'SIZE_INVALID', { message: 'Content-Range and Content-Length differ' });
  }
}

function progressHeaders(
  repository: RepositoryName,
  session: UploadSession,
): Record<string, string> {
  const { id, state, upload } = session;
  return {
    location: `/v2/${repository.path}/blobs/uploads/${id}?_state=${state}`,
    // An empty upload has no last byte; registries in use print 0-0 for it all the same.
    range: `0-${Math.max(0, upload.offset - 1)}`,
    'docker-upload-uuid': id,
  };
}

function blobHeaders(repository: RepositoryName, digest: Digest): Record<string, string> {
  return {
    location: `/v2/${repository.path}/blobs/${digest}`,
    'docker-content-digest': digest,
  };
}
