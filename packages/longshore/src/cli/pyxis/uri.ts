import { usageError } from '../failures.ts';

/**
 * Reads an image as pyxis hands it on: `docker://[REGISTRY#]IMAGE[:TAG]`, or as everywhere else. The
 * `#` is enroot's; where it is missing, a first part that looks like a host is one.
 * @throws LongshoreError `ERR_USAGE` for other schemes and for `USER@`
 */
export function readImageUri(uri: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(uri);
  if (scheme !== null && scheme[1] !== 'docker') {
    throw usageError(`${JSON.stringify(uri)} is not docker://IMAGE`);
  }
  const bare = uri.slice(scheme?.[0].length ?? 0);
  const hash = bare.indexOf('#');
  const host = hash < 0 ? '' : bare.slice(0, hash);
  if (host.includes('@')) {
    throw usageError(
      `${JSON.stringify(uri)} names a user`,
      'Leave USER@ out; credentials are those of longshore login',
    );
  }
  return hash < 0 ? bare : `${host}/${bare.slice(hash + 1)}`;
}
