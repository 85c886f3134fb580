import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Landing } from '../../../src/build/builder/landing.ts';
import { isLongshoreError } from '../../../src/errors.ts';
import { digestOf, MEDIA_TYPES } from '../../../src/image/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import { buildFails } from '../builderContract.ts';

let home: string;
let store: Store;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-landing-'));
  store = await openStore(join(home, 'store'));
});
after(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

interface Pusher {
  readonly landing: Landing;
  readonly send: (path: string, init?: RequestInit) => Promise<Response>;
}

function pusherTo(landing: Landing): Pusher {
  return {
    landing,
    send: (path, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set('authorization', `Basic ${landing.auth}`);
      return fetch(`http://${landing.host}/v2/${path}`, { ...init, headers });
    },
  };
}

async function pushBlob({ send, landing }: Pusher, bytes: Buffer): Promise<void> {
  const begun = await send('built/blobs/uploads/', { method: 'POST' });
  const location = new URL(begun.headers.get('location') ?? '', `http://${landing.host}`);
  location.searchParams.set('digest', digestOf(bytes));
  const path = `${location.pathname.slice('/v2/'.length)}${location.search}`;
  const done = await send(path, { method: 'PUT', body: new Uint8Array(bytes) });
  assert.equal(done.status, 201);
}

describe('the registry that builders push to', () => {
  it('lets nobody in without the password', async () => {
    await using landing = await Landing.open(store);
    const { reference } = landing.place();
    const [, tag] = reference.split('built:');
    for (const method of ['GET', 'PUT', 'HEAD']) {
      const response = await fetch(`http://${landing.host}/v2/built/manifests/${tag}`, { method });
      assert.equal(response.status, 401);
    }
    assert.match(landing.host, /^127\.0\.0\.1:\d+$/);
  });

  it('takes an image that shares a layer with another, without being sent it', async () => {
    await using landing = await Landing.open(store);
    const pusher = pusherTo(landing);
    const layer = await store.put(MEDIA_TYPES.ociLayer, Buffer.from('a layer that is here'));
    const head = await pusher.send(`built/blobs/${layer.digest}`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
    await pushBlob(pusher, config);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociConfig, digest: digestOf(config), size: config.length },
      layers: [layer],
    });
    const place = landing.place();
    const tag = place.reference.split('built:')[1];
    const pushed = await pusher.send(`built/manifests/${tag}`, {
      method: 'PUT',
      body: manifest,
      headers: { 'content-type': MEDIA_TYPES.ociManifest },
    });
    assert.equal(pushed.status, 201);
    const image = await place.take();
    assert.equal(image.digest, digestOf(Buffer.from(manifest)));
    assert.equal(await store.has(image), true);
    assert.deepEqual(await store.references(), [], 'the store has no names of it');
    await assert.rejects(place.take(), buildFails('ERR_BUILDER_GONE'), 'it is taken once');
  });

  it('gives out an image of the store as a base', async () => {
    await using landing = await Landing.open(store);
    const image = await store.put(
      MEDIA_TYPES.ociManifest,
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: MEDIA_TYPES.ociManifest,
          config: await store.put(MEDIA_TYPES.ociConfig, Buffer.from('{}')),
          layers: [],
        }),
      ),
    );
    const reference = await landing.offer(image);
    const [repository, tag] = reference.slice(landing.host.length + 1).split(':');
    const response = await pusherTo(landing).send(`${repository}/manifests/${tag}`);
    assert.equal(response.headers.get('docker-content-digest'), image.digest);
  });

  it('tells that the disk of the store was full', async () => {
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    const failing = await openStore(join(home, 'full'), {
      io: {
        writeSync: () => {
          throw full;
        },
      },
    });
    await using landing = await Landing.open(failing);
    const pusher = pusherTo(landing);
    await assert.rejects(pushBlob(pusher, Buffer.from('does not fit')));
    const failure = landing.takeFailure();
    assert.ok(isLongshoreError(failure));
    assert.equal(failure.code, 'ERR_DISK_FULL');
    assert.equal(landing.takeFailure(), undefined);
    await failing.close();
  });
});
