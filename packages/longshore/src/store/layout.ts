import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Digest, digestAlgorithm, digestHex, parseDigest } from '../image/index.ts';

/** The places in a store directory. What each of them holds: `README.md` beside this file. */
export interface StoreLayout {
  readonly root: string;
  readonly versionFile: string;
  readonly ociLayoutFile: string;
  readonly indexFile: string;
  readonly blobs: string;
  readonly refs: string;
  readonly ingest: string;
  readonly leases: string;
  /** Made when the first image is built. */
  readonly builds: string;
}

/** Hash algorithms that have a folder in `blobs/`. */
export const BLOB_ALGORITHMS = ['sha256', 'sha512'] as const;

export function layoutOf(root: string): StoreLayout {
  return {
    root,
    versionFile: join(root, 'longshore.json'),
    ociLayoutFile: join(root, 'oci-layout'),
    indexFile: join(root, 'index.json'),
    blobs: join(root, 'blobs'),
    refs: join(root, 'refs'),
    ingest: join(root, 'ingest'),
    leases: join(root, 'leases'),
    builds: join(root, 'builds'),
  };
}

/** @throws LongshoreError `ERR_DIGEST_INVALID` for what only claims to be a digest */
export function blobFile(layout: StoreLayout, digest: Digest): string {
  const checked = parseDigest(digest);
  return join(layout.blobs, digestAlgorithm(checked), digestHex(checked));
}

/** `<alg>-<hex>`: the digest as one path component without a colon. */
export function digestKey(digest: Digest): string {
  const checked = parseDigest(digest);
  return `${digestAlgorithm(checked)}-${digestHex(checked)}`;
}

/** The inverse of {@link digestKey}; `undefined` for any other name. */
export function digestFromKey(key: string): Digest | undefined {
  const dash = key.indexOf('-');
  try {
    return parseDigest(`${key.slice(0, dash)}:${key.slice(dash + 1)}`);
  } catch {
    return undefined;
  }
}

/** Where everything about one unfinished blob is; one folder inside for each who worked on it. */
export function ingestFolder(layout: StoreLayout, digest: Digest): string {
  return join(layout.ingest, digestKey(digest));
}

/**
 * File name of a reference: readable first, then 128 bits of its hash, which alone makes it unique.
 * So it is never too long, and two names never meet on a file system that ignores case.
 */
export function referenceFileName(name: string): string {
  const readable = name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '_')
    .replace(/^[._]+/, '')
    .slice(0, 96);
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `${readable}-${hash}.json`;
}

/** Tells files of {@link referenceFileName} from temporary and foreign ones. */
export function isReferenceFileName(fileName: string): boolean {
  return /^[a-z0-9._]{0,96}-[0-9a-f]{32}\.json$/.test(fileName) && !fileName.startsWith('.');
}
