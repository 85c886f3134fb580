import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeTempFolder, readTree, sha256 } from './files.ts';
import { mustRun } from './programs.ts';

/** What skopeo says of an image at any of its transports. */
export interface SkopeoView {
  /** Of the manifest, over its bytes. */
  readonly digest: string;
  readonly layers: readonly string[];
}

/** Reads an image as skopeo sees it: `docker://HOST/NAME`, `oci:FOLDER:NAME`. */
export async function inspectWithSkopeo(
  image: string,
  flags: readonly string[] = ['--tls-verify=false'],
): Promise<SkopeoView> {
  const inspect = ['--insecure-policy', 'inspect', ...flags];
  const raw = await mustRun('skopeo', [...inspect, '--raw', image]);
  const { Layers } = JSON.parse(await mustRun('skopeo', [...inspect, image])) as {
    Layers: readonly string[];
  };
  return { digest: sha256(Buffer.from(raw)), layers: Layers };
}

/** Copies an image with skopeo, which verifies every digest on the way. */
export async function copyWithSkopeo(
  from: string,
  to: string,
  flags: readonly string[] = ['--src-tls-verify=false', '--dest-tls-verify=false'],
): Promise<void> {
  await mustRun('skopeo', ['--insecure-policy', 'copy', '--quiet', ...flags, from, to]);
}

/** Unpacks an image out of an OCI layout with umoci and gives its file tree. */
export async function unpackWithUmoci(
  layout: string,
  name: string,
): Promise<Record<string, string>> {
  const listed = (await mustRun('umoci', ['ls', '--layout', layout])).trim().split('\n');
  assert.ok(listed.includes(name), `umoci ls shows ${listed.join(', ')}, not ${name}`);
  await using folder = await makeTempFolder('unpacked');
  const bundle = join(folder.path, 'bundle');
  await mustRun('umoci', ['unpack', '--image', `${layout}:${name}`, bundle]);
  return await readTree(join(bundle, 'rootfs'));
}

/** Hashes every blob of an OCI layout and compares it with its name. Gives how many there are. */
export async function verifyBlobs(layout: string): Promise<number> {
  const folder = join(layout, 'blobs/sha256');
  const names = await readdir(folder);
  for (const name of names) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(folder, name)), hash);
    assert.equal(hash.digest('hex'), name, `${join(folder, name)} is not what its name says`);
  }
  return names.length;
}
