import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  createExportSink,
  type ExportEvent,
  type ExportImage,
  type ExportSink,
} from '../../src/export/index.ts';
import type { Descriptor, Digest } from '../../src/image/index.ts';
import type { Ingest, Store } from '../../src/store/index.ts';
import { fakeMksquashfs } from './helpers/fakeConverter.ts';
import { type ImageFields, putImage, tempStore } from './helpers/image.ts';
import { file, tar } from './helpers/tarBuilder.ts';

let home: string;
let source: Store;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-ahead-'));
  await fakeMksquashfs(home, 'works');
  source = await tempStore(join(home, 'source'));
});
after(async () => {
  await source.close();
  await rm(home, { recursive: true, force: true });
});

/** Two layers of gzip, of which the first does not fit into one reading. */
async function example(fields: ImageFields = {}): Promise<ExportImage> {
  const noise = createHash('shake256', { outputLength: 700_000 })
    .update('noise')
    .digest()
    .toString('latin1');
  const layers = [tar(file('big', noise)), tar(file('small', 'x'))];
  const stored = layers.map((plain) => ({ tar: plain, stored: gzipSync(plain) }));
  return putImage(source, stored, fields);
}

/** An image that is pulled by hand into a new store. */
class Arrival implements AsyncDisposable {
  readonly image: ExportImage;
  readonly store: Store;
  readonly sink: ExportSink;
  readonly path: string;
  readonly events: ExportEvent[] = [];
  /** How often each layer was opened as a whole blob. */
  readonly readings = new Map<Digest, number>();
  readonly #firstReads = new Map<Digest, PromiseWithResolvers<void>>();
  readonly #stop = new AbortController();
  #early: Promise<void> | undefined;
  #onEvent: (event: ExportEvent) => void = () => undefined;

  constructor(image: ExportImage, store: Store) {
    this.image = image;
    this.store = store;
    this.path = join(store.path, 'out.sif');
    this.sink = createExportSink({
      output: { kind: 'sif', path: this.path },
      options: { searchPath: home },
      onEvent: (_, event) => {
        this.events.push(event);
        this.#onEvent(event);
      },
    });
  }

  static async of(image: ExportImage): Promise<Arrival> {
    const store = await tempStore(await mkdtemp(join(home, 'store-')));
    const arrival = new Arrival(image, store);
    await store.put(image.descriptor.mediaType, image.manifestBytes);
    const open = store.open.bind(store);
    store.open = (digest, options) => {
      arrival.readings.set(digest, (arrival.readings.get(digest) ?? 0) + 1);
      return open(digest, options);
    };
    const follow = store.follow.bind(store);
    store.follow = async function* followed(blob, signal) {
      for await (const chunk of follow(blob, signal)) {
        arrival.#firstRead(blob.digest).resolve();
        yield chunk;
      }
    };
    return arrival;
  }

  /** Once something of the layer was read while it came. */
  read({ digest }: Descriptor): Promise<void> {
    return this.#firstRead(digest).promise;
  }

  #firstRead(digest: Digest): PromiseWithResolvers<void> {
    const known = this.#firstReads.get(digest) ?? Promise.withResolvers<void>();
    this.#firstReads.set(digest, known);
    return known;
  }

  get layers(): readonly Descriptor[] {
    return this.image.manifest.layers;
  }

  expect(): void {
    const { signal } = this.#stop;
    this.#early = this.sink.expect?.(this.#stored(), { store: this.store, signal });
  }

  /** Settles at the first event of this type from now on. */
  next(type: ExportEvent['type']): Promise<ExportEvent> {
    return new Promise((resolve) => {
      this.#onEvent = (event) => {
        if (event.type === type) resolve(event);
      };
    });
  }

  async bring(blob: Descriptor): Promise<void> {
    const ingest = await this.begin(blob);
    await ingest.write(0, await source.read(blob.digest, blob.size));
    await ingest.commit();
  }

  async begin(blob: Descriptor): Promise<Ingest> {
    const ingest = await this.store.ingest(blob);
    assert.ok(ingest);
    return ingest;
  }

  add(): Promise<void> {
    return this.sink.add(this.#stored(), { store: this.store, signal: this.#stop.signal });
  }

  #stored(): { name: string; descriptor: Descriptor } {
    return { name: 'docker.io/library/a:1', descriptor: this.image.descriptor };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#early;
    await this.store.close();
  }
}

describe('layers that are indexed while they come', () => {
  it('are read once more when they are written, not twice', async () => {
    await using arrival = await Arrival.of(await example());
    const [big, small] = arrival.layers;
    assert.ok(big && small);
    arrival.expect();
    await arrival.bring(arrival.image.manifest.config);
    const ingest = await arrival.begin(big);
    const bytes = await source.read(big.digest, big.size);
    await ingest.write(0, bytes.subarray(0, 600_000));
    const indexed = arrival.next('export.layer-indexed');
    await arrival.bring(small);
    assert.deepEqual(await indexed, {
      type: 'export.layer-indexed',
      digest: small.digest,
      entries: 1,
    });
    await ingest.write(600_000, bytes.subarray(600_000));
    const whole = arrival.next('export.layer-indexed');
    await ingest.commit();
    await whole;
    assert.equal(arrival.readings.get(big.digest) ?? 0, 0);
    await arrival.add();
    assert.equal(arrival.readings.get(big.digest), 1);
    assert.match(await readFile(arrival.path, 'latin1'), /^#!\/usr\/bin\/env run-singularity/);
  });

  it('are read anew where what came first was damaged', async () => {
    await using arrival = await Arrival.of(await example());
    const [big, small] = arrival.layers;
    assert.ok(big && small);
    arrival.expect();
    await arrival.bring(arrival.image.manifest.config);
    const ingest = await arrival.begin(big);
    await ingest.write(0, Buffer.alloc(big.size, 7));
    await arrival.read(big);
    await assert.rejects(ingest.commit(), { code: 'ERR_DIGEST_MISMATCH' });
    for (const layer of [big, small]) await arrival.bring(layer);
    await arrival.add();
    assert.equal(arrival.readings.get(big.digest), 2);
    assert.match(await readFile(arrival.path, 'latin1'), /^#!\/usr\/bin\/env run-singularity/);
  });

  it('give the same verdict as layers that are read later', async () => {
    const diffIds = [0, 1].map((i) => `sha256:${String(i).repeat(64)}`);
    await using arrival = await Arrival.of(await example({ diffIds }));
    arrival.expect();
    await arrival.bring(arrival.image.manifest.config);
    for (const layer of arrival.layers) await arrival.bring(layer);
    await assert.rejects(arrival.add(), { code: 'ERR_LAYER_DIFF_ID' });
    assert.deepEqual(
      (await readdir(arrival.store.path)).filter((name) => name.includes('sif')),
      [],
    );
  });
});
