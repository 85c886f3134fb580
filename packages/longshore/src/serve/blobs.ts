import { type Digest, isDigest } from '../image/index.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './refusal.ts';
import type { RepositoryName } from './repositoryName.ts';
import type { Site } from './site.ts';
import { openFileSource } from './source.ts';

const BLOB_TYPE = 'application/octet-stream';

/** Serves `/v2/<name>/blobs/<digest>`. */
export async function handleBlob(
  site: Site,
  exchange: Exchange,
  at: { readonly repository: RepositoryName; readonly digest: string },
): Promise<void> {
  const digest = requireDigest(at.digest);
  switch (exchange.method) {
    case 'GET':
    case 'HEAD':
      return sendBlob(site, exchange, { repository: at.repository, digest });
    case 'DELETE':
      if (!(await site.catalogue.removeBlob(at.repository, digest))) throw unknown(digest);
      return exchange.sendEmpty(202);
    default:
      throw new Refusal(405, 'UNSUPPORTED');
  }
}

async function sendBlob(
  site: Site,
  exchange: Exchange,
  at: { readonly repository: RepositoryName; readonly digest: Digest },
): Promise<void> {
  const { digest } = at;
  const size = await site.catalogue.blobSize(at.repository, digest);
  if (size === undefined) throw unknown(digest);
  const { redirect } = exchange.parts.decision.effects;
  if (redirect !== undefined) {
    const location = await site.contentOrigin.sign(digest, redirect);
    return exchange.sendEmpty(redirect.status ?? 307, { location });
  }
  await sendStored(site, exchange, { digest, size });
}

/** The bytes of a blob that is known to be there. */
export async function sendStored(
  site: Site,
  exchange: Exchange,
  blob: { readonly digest: Digest; readonly size: number },
): Promise<void> {
  await exchange.sendContent({ ...blob, mediaType: BLOB_TYPE }, () =>
    openFileSource(site.store.blobPath(blob.digest)),
  );
}

/** @throws Refusal where the text is not a digest */
export function requireDigest(text: string | undefined): Digest {
  if (isDigest(text)) return text;
  throw new Refusal(400, 'DIGEST_INVALID', { message: 'not a digest' });
}

function unknown(digest: Digest): Refusal {
  return new Refusal(404, 'BLOB_UNKNOWN', { message: `no blob ${digest}` });
}
