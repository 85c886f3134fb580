import { LongshoreError } from '../errors.ts';
import { type Digest, isDigest } from './digest.ts';

/** Where content is: a repository on a registry, and which of its contents. */
export interface Reference {
  /** Host with an optional port, as requests address it: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** Path below the registry, `library/` made explicit on Docker Hub. */
  readonly repository: string;
  readonly tag?: string;
  /** Wins over `tag` when both are there. */
  readonly digest?: Digest;
}

export const DEFAULT_REGISTRY = 'docker.io';
const DEFAULT_TAG = 'latest';
const MAX_NAME_LENGTH = 255;

const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`);
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const MAX_REFERENCE_LENGTH = 1024;

/**
 * Reads a reference by the grammar of the distribution project's `reference` package, with
 * Docker's defaults: host `docker.io`, `library/` for its one-word names, tag `latest` where
 * neither tag nor digest is given.
 * @throws LongshoreError `ERR_REFERENCE_INVALID`, saying which part is wrong
 */
export function parseReference(text: string): Reference {
  if (text.length > MAX_REFERENCE_LENGTH) throw invalid(text, 'it is too long');
  const { name, tag, digest } = splitReference(text);
  const { registry, path } = splitRegistry(name);
  if (!isRegistryHost(registry)) throw invalid(text, `${JSON.stringify(registry)} is not a host`);
  const repository =
    registry === DEFAULT_REGISTRY && !path.includes('/') ? `library/${path}` : path;
  checkRepository(text, repository);
  if (tag !== undefined && !TAG.test(tag))
    throw invalid(text, `${JSON.stringify(tag)} is not a tag`);
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid(text, `${JSON.stringify(digest.slice(0, 80))} is not a digest`);
  }
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
    ...(tag === undefined && digest === undefined ? { tag: DEFAULT_TAG } : {}),
  };
}

function splitReference(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf('@');
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? {} : { digest: text.slice(at + 1) };
  const colon = beforeDigest.indexOf(':', beforeDigest.lastIndexOf('/') + 1);
  const lastIsHost = beforeDigest.startsWith('[') && !beforeDigest.includes('/');
  if (colon < 0 || lastIsHost) return { name: beforeDigest, ...digest };
  return { name: beforeDigest.slice(0, colon), tag: beforeDigest.slice(colon + 1), ...digest };
}

/** The first component is a host when it could not be part of a name: dot, port, `localhost`, upper case. */
function splitRegistry(name: string): { registry: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  if (!isHost) return { registry: DEFAULT_REGISTRY, path: name };
  const registry = DOCKER_HUB_ALIASES.has(first) ? DEFAULT_REGISTRY : first;
  return { registry, path: name.slice(slash + 1) };
}

const DOCKER_HUB_ALIASES = new Set(['index.docker.io', 'registry-1.docker.io', 'docker.io']);

function checkRepository(text: string, repository: string): void {
  if (repository === '' || repository === 'library/') throw invalid(text, 'the name is missing');
  if (repository.length > MAX_NAME_LENGTH) {
    throw invalid(text, `the name is longer than ${MAX_NAME_LENGTH} characters`);
  }
  if (REPOSITORY.test(repository)) return;
  const reason =
    repository === repository.toLowerCase()
      ? `${JSON.stringify(repository)} is not a repository name`
      : 'repository names are lower case';
  throw invalid(text, reason);
}

function invalid(text: string, reason: string): LongshoreError {
  return new LongshoreError(
    `Not an image reference: ${JSON.stringify(text.slice(0, 200))}: ${reason}`,
    {
      code: 'ERR_REFERENCE_INVALID',
      origin: 'input',
      hint: 'Write [HOST[:PORT]/]NAME[:TAG][@DIGEST], for example debian:12 or ghcr.io/owner/name:1.0',
    },
  );
}

/** A host as references carry it: DNS name, IPv4 or bracketed IPv6 address, optional port to 65535. */
export function isRegistryHost(text: string): boolean {
  if (!HOST.test(text)) return false;
  const port = /:(\d+)$/.exec(text.replace(/^\[.*\]/, ''))?.[1];
  return port === undefined || (Number(port) > 0 && Number(port) <= 65_535);
}

/** The whole name, every default written out: `docker.io/library/debian:12`. Parses back to the same. */
export function formatReference(reference: Reference): string {
  const { registry, repository, tag, digest } = reference;
  const tagged = tag === undefined ? '' : `:${tag}`;
  const pinned = digest === undefined ? '' : `@${digest}`;
  return `${registry}/${repository}${tagged}${pinned}`;
}

/** What a registry is asked for: the digest where there is one, else the tag. */
export function referenceTarget(reference: Reference): string {
  return reference.digest ?? reference.tag ?? DEFAULT_TAG;
}
