import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDockerRegistry } from '../../packages/longshore/test/interop/support/dockerRegistry.ts';
import { sha256 } from '../../packages/longshore/test/interop/support/files.ts';
import { type Cost, measure } from './measure.ts';
import type { LongshoreCommand } from './rivals.ts';

/** What a pull of many references that share layers did. */
export interface ReferencesResult {
  readonly references: number;
  readonly sharedLayers: number;
  /** Unique blobs (layers and configs) that the images name. */
  readonly uniqueBlobs: number;
  readonly uniqueBytes: number;
  /** From the run's start to its plan, by its own events. */
  readonly planSeconds: number;
  readonly cost: Cost;
  /** What the registry was asked for, by its own log. */
  readonly blobRequests: number;
  readonly blobsFetchedTwice: number;
  readonly blobBytesSent: number;
}

const LAYERS = 60;
const LAYERS_PER_IMAGE = 8;
const LAYER_BYTES = 512 * 1024;

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/**
 * Pulls `count` references of one repository each, every one with its own manifest and config over a
 * common set of layers, and counts in the registry's log what was sent.
 */
export async function measureReferences(
  longshore: LongshoreCommand,
  folder: string,
  count: number,
): Promise<ReferencesResult> {
  await using registry = await startDockerRegistry();
  const layers: Blob[] = [];
  for (let index = 0; index < LAYERS; index += 1) {
    layers.push(await pushBlob(registry.host, randomBytes(LAYER_BYTES)));
  }
  const blobs = new Map<string, number>();
  const names: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const own = Array.from(
      { length: LAYERS_PER_IMAGE },
      (_, layer) => layers[(index + layer * 7) % LAYERS],
    ).filter((layer) => layer !== undefined);
    const config = await pushImage(registry.host, `image-${index}`, own);
    for (const { digest, size } of [config, ...own]) {
      blobs.set(digest, size);
    }
    names.push(`${registry.host}/shared:image-${index}`);
  }
  const pushed = registry.accessLog().length;

  const list = join(folder, 'references.txt');
  await writeFile(list, `${names.join('\n')}\n`);
  const store = join(folder, 'references');
  const run = await measure(
    longshore('pull', '--from', list, '--store', store, '--progress', 'json'),
  );
  await rm(store, { recursive: true, force: true });
  if (run.stdout.trim().split('\n').length !== count) {
    throw new Error(`Longshore printed ${run.stdout.split('\n').length} lines for ${count} images`);
  }
  const gets = registry
    .accessLog()
    .slice(pushed)
    .filter(({ method, path }) => method === 'GET' && path.includes('/blobs/sha256:'));
  return {
    references: count,
    sharedLayers: LAYERS,
    uniqueBlobs: blobs.size,
    uniqueBytes: [...blobs.values()].reduce((sum, size) => sum + size, 0),
    planSeconds: readPlanSeconds(run.stderr),
    cost: {
      wallSeconds: run.wallSeconds,
      cpuSeconds: run.cpuSeconds,
      maxRssMib: run.maxRssMib,
    },
    blobRequests: gets.length,
    blobsFetchedTwice: gets.length - new Set(gets.map(({ path }) => path)).size,
    blobBytesSent: gets.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function readPlanSeconds(stderr: string): number {
  const events = stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { readonly type: string; readonly at: number });
  const at = (type: string): number =>
    events.find((event) => event.type === type)?.at ?? Number.NaN;
  return (at('plan.ready') - at('run.started')) / 1000;
}

async function pushBlob(host: string, bytes: Uint8Array<ArrayBuffer>): Promise<Blob> {
  const digest = sha256(bytes);
  const opened = await fetch(`http://${host}/v2/shared/blobs/uploads/`, { method: 'POST' });
  const location = new URL(opened.headers.get('location') ?? '', `http://${host}`);
  location.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  const put = await fetch(location, { method: 'PUT', body: bytes, headers });
  if (put.status !== 201) {
    throw new Error(`The registry refused a blob: ${put.status} ${await put.text()}`);
  }
  return { digest, size: bytes.length };
}

/** Pushes config and manifest of an image; gives the config. */
async function pushImage(host: string, tag: string, layers: readonly Blob[]): Promise<Blob> {
  const oci = (kind: string): string => `application/vnd.oci.image.${kind}`;
  const settings = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { tag } },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  };
  const config = await pushBlob(host, Buffer.from(JSON.stringify(settings)));
  const mediaType = oci('manifest.v1+json');
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: oci('config.v1+json'), ...config },
    layers: layers.map((layer) => ({ mediaType: oci('layer.v1.tar'), ...layer })),
  };
  const put = await fetch(`http://${host}/v2/shared/manifests/${tag}`, {
    method: 'PUT',
    body: JSON.stringify(manifest),
    headers: { 'content-type': mediaType },
  });
  if (put.status !== 201) {
    throw new Error(`The registry refused a manifest: ${put.status} ${await put.text()}`);
  }
  return config;
}
