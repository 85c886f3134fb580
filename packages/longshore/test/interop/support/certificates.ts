import { join } from 'node:path';
import { mustRun } from './programs.ts';

/** Paths of a certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority and a certificate it has signed for `127.0.0.1` and `localhost`. */
export interface Authority extends KeyPair {
  readonly server: KeyPair;
}

const EC_REQUEST = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'.split(
  ' ',
);

/** A key pair that vouches for itself; what docker-registry trusts tokens by. */
export async function makeSelfSigned(folder: string, name: string): Promise<KeyPair> {
  const pair = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  await mustRun('openssl', [
    ...EC_REQUEST,
    '-subj',
    `/CN=${name}`,
    '-keyout',
    pair.key,
    '-out',
    pair.certificate,
  ]);
  return pair;
}

/** A CA of our own with one server certificate for loopback. */
export async function makeAuthority(folder: string): Promise<Authority> {
  const root = await makeSelfSigned(folder, 'longshore-test-ca');
  const server = { certificate: join(folder, 'server.crt'), key: join(folder, 'server.key') };
  await mustRun('openssl', [
    ...EC_REQUEST,
    '-subj',
    '/CN=127.0.0.1',
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
    '-addext',
    'basicConstraints=critical,CA:FALSE',
    '-CA',
    root.certificate,
    '-CAkey',
    root.key,
    '-keyout',
    server.key,
    '-out',
    server.certificate,
  ]);
  return { ...root, server };
}
