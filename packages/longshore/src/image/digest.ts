import { createHash, type Hash } from 'node:crypto';
import { LongshoreError } from '../errors.ts';

declare const digestBrand: unique symbol;

/** `<algorithm>:<lower-case hex>`, checked. Safe to take apart into a path. */
export type Digest = string & { readonly [digestBrand]: true };

export type DigestAlgorithm = 'sha256' | 'sha512';

const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };
const PATTERN = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && PATTERN.test(text);
}

/**
 * Checks a digest by the image specification's grammar, for the two algorithms that it registers.
 * @throws LongshoreError `ERR_DIGEST_INVALID`
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new LongshoreError(`Not a digest: ${JSON.stringify(text.slice(0, 160))}`, {
    code: 'ERR_DIGEST_INVALID',
    origin: 'input',
    hint: `A digest is sha256: and ${HEX_LENGTH.sha256} lower-case hex digits, or sha512: and ${HEX_LENGTH.sha512}`,
  });
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hex part alone. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** A running hash of the algorithm that `digest` names. */
export function createDigestHash(digest: Digest | DigestAlgorithm): Hash {
  return createHash(digest.startsWith('sha512') ? 'sha512' : 'sha256');
}

/** Ends a running hash and names its result. */
export function finishDigest(algorithm: DigestAlgorithm, hash: Hash): Digest {
  return parseDigest(`${algorithm}:${hash.digest('hex')}`);
}

/** The digest of bytes in memory; for manifests and configs, not for layers. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return finishDigest(algorithm, createHash(algorithm).update(bytes));
}

/** For people: algorithm left out, twelve digits, as Docker prints image IDs. */
export function shortDigest(digest: Digest): string {
  return digestHex(digest).slice(0, 12);
}
