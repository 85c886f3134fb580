import type { Action, Guard, Scope } from './auth.ts';
import { handleBlob, requireDigest, sendStored } from './blobs.ts';
import type { Exchange } from './exchange.ts';
import { listReferrers, listRepositories, listTags } from './listings.ts';
import { handleManifest } from './manifests.ts';
import { Refusal } from './refusal.ts';
import { type RepositoryName, resolveRepository } from './repositoryName.ts';
import type { Site } from './site.ts';
import { handleUpload } from './uploads.ts';

export interface DispatchRules {
  readonly guard: Guard;
  readonly namespace: string;
  readonly readOnly: boolean;
  /** Serves `/token`, where this registry has it. */
  readonly token: ((exchange: Exchange) => Promise<void>) | undefined;
}

/**
 * Whether a request may go on, before any fault is drawn for it: a challenge that every client
 * meets once must not use up the first of a counted fault.
 * @throws Refusal
 */
export function admit(exchange: Exchange, rules: DispatchRules): void {
  const { kind } = exchange.parts.route;
  if (kind === 'token' || kind === 'other') return;
  rules.guard.require(exchange, neededScopes(exchange));
  if (rules.readOnly && !READING.has(exchange.method)) {
    throw new Refusal(405, 'UNSUPPORTED', { message: 'this registry is read-only' });
  }
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

function neededScopes(exchange: Exchange): readonly Scope[] {
  const { kind, repository } = exchange.parts.route;
  if (kind === 'catalog') return [{ type: 'registry', name: 'catalog', actions: ['*'] }];
  if (repository === undefined) return [];
  return [{ type: 'repository', name: repository, actions: actionsOf(exchange.method) }];
}

function actionsOf(method: string): readonly Action[] {
  if (READING.has(method)) return ['pull'];
  return method === 'DELETE' ? ['delete'] : ['pull', 'push'];
}

/** Hands a request of the registry's own origin to whoever answers it. */
export async function dispatch(
  site: Site,
  exchange: Exchange,
  rules: DispatchRules,
): Promise<void> {
  const { route } = exchange.parts;
  switch (route.kind) {
    case 'ping':
      return exchange.sendJson(200, {});
    case 'token':
      if (rules.token === undefined) throw notFound();
      return rules.token(exchange);
    case 'catalog':
      return listRepositories(site, exchange);
    case 'tags':
      return listTags(site, exchange, repositoryOf(exchange, rules));
    case 'referrers':
      return listReferrers(site, exchange, {
        repository: repositoryOf(exchange, rules),
        digest: route.digest ?? '',
      });
    case 'manifest':
      return handleManifest(site, exchange, {
        repository: repositoryOf(exchange, rules),
        target: route.reference ?? '',
      });
    case 'blob':
      return handleBlob(site, exchange, {
        repository: repositoryOf(exchange, rules),
        digest: route.digest ?? '',
      });
    case 'upload':
      return handleUpload(site, exchange, {
        repository: repositoryOf(exchange, rules),
        session: route.session ?? '',
        mountFrom: mountSource(exchange, rules),
      });
    case 'content':
    case 'other':
      throw notFound();
  }
}

/** Answers on the second origin, which serves signed addresses and nothing else. */
export async function dispatchContent(site: Site, exchange: Exchange): Promise<void> {
  const { route, query } = exchange.parts;
  if (route.kind !== 'content') throw notFound();
  if (!READING.has(exchange.method)) throw new Refusal(405, 'UNSUPPORTED');
  const digest = requireDigest(route.digest);
  if (!site.contentOrigin.admits(digest, query)) {
    throw new Refusal(403, 'DENIED', { message: 'the signature is wrong, used or expired' });
  }
  const size = await site.store.stat(digest);
  if (size === undefined) throw notFound();
  await sendStored(site, exchange, { digest, size });
}

function repositoryOf(exchange: Exchange, { namespace }: DispatchRules): RepositoryName {
  const path = exchange.parts.route.repository ?? '';
  const found = resolveRepository(path, { namespace, ns: exchange.query('ns') });
  if (found !== undefined) return found;
  throw new Refusal(400, 'NAME_INVALID', { message: 'not a repository name' });
}

/** The repository that a mount names, where the client may read it. */
function mountSource(
  exchange: Exchange,
  { guard, namespace }: DispatchRules,
): RepositoryName | undefined {
  const from = exchange.query('from');
  if (from === undefined || exchange.query('mount') === undefined) return undefined;
  const scope: Scope = { type: 'repository', name: from, actions: ['pull'] };
  if (!guard.permits(exchange, [scope])) return undefined;
  return resolveRepository(from, { namespace, ns: exchange.query('ns') });
}

function notFound(): Refusal {
  return new Refusal(404, 'UNSUPPORTED', { message: 'no such end point' });
}
