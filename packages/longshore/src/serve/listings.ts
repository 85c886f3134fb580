import { MEDIA_TYPES } from '../image/index.ts';
import { requireDigest } from './blobs.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './refusal.ts';
import type { RepositoryName } from './repositoryName.ts';
import type { Site } from './site.ts';

/** Serves `/v2/<name>/tags/list`. */
export async function listTags(
  site: Site,
  exchange: Exchange,
  repository: RepositoryName,
): Promise<void> {
  requireRead(exchange);
  const tags = await site.catalogue.tags(repository);
  if (tags === undefined) throw new Refusal(404, 'NAME_UNKNOWN', { message: 'no such repository' });
  const page = cutPage(tags, exchange);
  const path = `/v2/${repository.path}/tags/list`;
  exchange.sendJson(200, { name: repository.path, tags: page.items }, linkHeader(path, page));
}

/** Serves `/v2/_catalog`. */
export async function listRepositories(site: Site, exchange: Exchange): Promise<void> {
  requireRead(exchange);
  const page = cutPage(await site.catalogue.repositories(), exchange);
  exchange.sendJson(200, { repositories: page.items }, linkHeader('/v2/_catalog', page));
}

/** Serves `/v2/<name>/referrers/<digest>`; a digest that nobody refers to has an empty list. */
export async function listReferrers(
  site: Site,
  exchange: Exchange,
  at: { readonly repository: RepositoryName; readonly digest: string },
): Promise<void> {
  requireRead(exchange);
  const all = await site.catalogue.referrers(at.repository, requireDigest(at.digest));
  const type = exchange.query('artifactType');
  const manifests = all.filter(({ artifactType }) => type === undefined || artifactType === type);
  exchange.sendJson(
    200,
    { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests },
    {
      'content-type': MEDIA_TYPES.ociIndex,
      ...(type === undefined ? {} : { 'oci-filters-applied': 'artifactType' }),
    },
  );
}

function requireRead(exchange: Exchange): void {
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
    throw new Refusal(405, 'UNSUPPORTED');
  }
}

interface Page {
  readonly items: readonly string[];
  readonly size: number;
  readonly hasMore: boolean;
}

function cutPage(sorted: readonly string[], exchange: Exchange): Page {
  const last = exchange.query('last');
  const wanted = exchange.query('n');
  const size = wanted === undefined ? sorted.length : Number(wanted);
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new Refusal(400, 'UNSUPPORTED', { message: 'n is not a number of entries' });
  }
  const left = last === undefined ? sorted : sorted.filter((item) => item > last);
  return { items: left.slice(0, size), size, hasMore: size > 0 && left.length > size };
}

function linkHeader(path: string, page: Page): Record<string, string> {
  const last = page.items.at(-1);
  if (!page.hasMore || last === undefined) return {};
  const query = new URLSearchParams({ last, n: String(page.size) });
  return { link: `<${path}?${query.toString()}>; rel="next"` };
}
