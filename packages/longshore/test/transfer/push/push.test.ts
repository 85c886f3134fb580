import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { parseManifest } from '../../../src/image/index.ts';
import { seedArtifact } from '../../../src/serve/index.ts';
import type { PushResult } from '../../../src/transfer/index.ts';
import { eventsOf } from '../harness.ts';
import { countOf, type Quay, quay } from './harness.ts';

const LIMIT = { timeout: 30_000 };
const KB = 1000;

function states({ images }: PushResult): readonly string[] {
  return images.map(({ state, error }) => (error === undefined ? state : `${state} ${error.code}`));
}

/** How often a blob's bytes were taken in. */
function uploadsOf(port: Quay, digest: string): number {
  const hex = digest.replace(':', '(:|%3A)');
  return countOf(port, 'PUT', new RegExp(`digest=${hex}`), 201);
}

describe('a push', LIMIT, () => {
  test('brings an image there whole, and finds it unchanged the next time', LIMIT, async () => {
    await using port = await quay();
    const image = await port.seed('app:1', {
      layers: [{ size: 300 * KB }, { size: 20 * KB, seed: 'b' }],
    });
    const first = await port.push(['app:1']);
    assert.deepEqual(states(first), ['pushed']);
    assert.equal(first.outcome, 'succeeded');
    const there = await port.remote.getReference('localhost/app:1');
    assert.equal(there?.digest, image.descriptor.digest);
    for (const { digest, size } of image.blobs) assert.equal(await port.remote.stat(digest), size);
    assert.equal(
      first.sentBytes,
      image.blobs.reduce((sum, { size }) => sum + size, 0),
    );
    const before = port.server.stats.requests;
    const again = await port.push(['app:1']);
    assert.deepEqual(states(again), ['unchanged']);
    assert.equal(again.sentBytes, 0);
    assert.equal(port.server.stats.requests - before, 1, 'one look at the tag is enough');
  });

  test('moves the tag last, after the manifest is there by its digest', LIMIT, async () => {
    await using port = await quay();
    const { descriptor } = await port.seed('app:1', { layers: [{ size: 10 * KB }] });
    await port.push(['app:1']);
    const writes = port.server.stats.log
      .filter(({ kind, method }) => kind === 'manifest' && method === 'PUT')
      .map(({ url }) => url.split('/').at(-1));
    assert.deepEqual(writes, [descriptor.digest, '1']);
    assert.match(port.server.stats.log.at(-1)?.url ?? '', /manifests\/1$/);
    assert.equal(port.server.stats.log.at(-1)?.method, 'HEAD', 'and looks at it afterwards');
  });

  test('uploads a blob once for two images of one repository', LIMIT, async () => {
    await using port = await quay();
    const base = { size: 400 * KB, seed: 'base' };
    const one = await port.seed('app:1', { layers: [base, { size: 1 * KB, seed: 'one' }] });
    await port.seed('app:2', { layers: [base, { size: 1 * KB, seed: 'two' }] });
    assert.deepEqual(states(await port.push(['app:1', 'app:2'])), ['pushed', 'pushed']);
    assert.equal(uploadsOf(port, one.layers[0]?.digest ?? ''), 1);
  });

  test('uploads a blob once for many repositories, which mount it', LIMIT, async () => {
    await using port = await quay();
    const names = ['a:1', 'b:1', 'c:1', 'd:1', 'e:1'];
    const base = { size: 400 * KB, seed: 'base' };
    let digest = '';
    for (const name of names) {
      const image = await port.seed(name, { layers: [base, { size: 1 * KB, seed: name }] });
      digest = image.layers[0]?.digest ?? '';
    }
    const result = await port.push(names);
    assert.deepEqual(
      states(result),
      names.map(() => 'pushed'),
    );
    assert.equal(uploadsOf(port, digest), 1);
    const how = eventsOf(port.events, 'blob.pushed').filter((event) => event.digest === digest);
    assert.deepEqual(how.map((event) => event.how).toSorted(), [
      ...Array.from({ length: 4 }, () => 'mounted'),
      'uploaded',
    ]);
  });

  test('uploads everywhere where mounts are declined, and soon stops asking', LIMIT, async () => {
    await using port = await quay({ faults: { refuseMounts: true } });
    const names = Array.from({ length: 8 }, (_, i) => `app${i}:1`);
    for (const name of names) await port.seed(name, { layers: [{ size: 50 * KB, seed: 'base' }] });
    const result = await port.push(names, { pushers: 1 });
    assert.deepEqual(
      states(result),
      names.map(() => 'pushed'),
    );
  });

  test('brings an index with all that is below it, children first', LIMIT, async () => {
    await using port = await quay();
    const platforms = ['amd64', 'arm64', 's390x'].map((architecture) => ({
      os: 'linux',
      architecture,
    }));
    const image = await port.seed('multi:1', { layers: [{ size: 30 * KB }], platforms });
    assert.deepEqual(states(await port.push(['multi:1=team/multi:2'])), ['pushed']);
    const there = await port.remote.getReference('localhost/team/multi:2');
    assert.equal(there?.digest, image.descriptor.digest);
    const index = parseManifest(await port.remote.read(image.descriptor.digest, 100_000));
    assert.equal(index.kind === 'index' && index.manifests.length, 3);
    for (const { digest } of [...image.manifests, ...image.blobs]) {
      assert.notEqual(await port.remote.stat(digest), undefined);
    }
  });

  test('gives another tag to what is there without sending any of it', LIMIT, async () => {
    await using port = await quay();
    await port.seed('app:1', { layers: [{ size: 30 * KB }] });
    await port.push(['app:1']);
    const again = await port.push(['app:1=app:2']);
    assert.deepEqual(states(again), ['pushed']);
    assert.equal(again.sentBytes, 0);
    assert.equal(
      countOf(port, 'HEAD', /blobs/),
      2,
      'the blobs were looked for the first time alone',
    );
  });

  test('takes referrers along that the store has', LIMIT, async () => {
    await using port = await quay();
    const { descriptor } = await port.seed('app:1', { layers: [{ size: 10 * KB }] });
    const signature = await seedArtifact(port.store, {
      name: 'localhost/app:signature',
      artifactType: 'application/vnd.example.signature',
      subject: descriptor,
    });
    await port.push(['app:1']);
    assert.notEqual(await port.remote.stat(signature.descriptor.digest), undefined);
    const listed = await fetch(`${port.server.url}/v2/app/referrers/${descriptor.digest}`);
    const { manifests } = (await listed.json()) as { manifests: { digest: string }[] };
    assert.deepEqual(
      manifests.map(({ digest }) => digest),
      [signature.descriptor.digest],
    );
  });

  test('moves no tag before every image is up, when asked to', LIMIT, async () => {
    await using port = await quay();
    await port.seed('good:1', { layers: [{ size: 10 * KB }] });
    await port.seed('bad:1', { layers: [{ size: 11 * KB }] });
    port.server.faults = { rules: [{ on: { method: 'PUT', repository: 'bad' }, status: 413 }] };
    const result = await port.push(['good:1', 'bad:1'], { publish: 'all-or-none' });
    assert.deepEqual(states(result), ['failed ERR_HELD_BACK', 'failed ERR_BODY_LIMIT']);
    assert.equal(await port.remote.getReference('localhost/good:1'), undefined);
    port.server.faults = {};
    const again = await port.push(['good:1', 'bad:1'], { publish: 'all-or-none' });
    assert.deepEqual(states(again), ['pushed', 'pushed']);
  });
});

describe('a push that meets trouble', LIMIT, () => {
  test('one image that fails takes no other with it', LIMIT, async () => {
    await using port = await quay();
    const names = Array.from({ length: 10 }, (_, i) => `app${i}:1`);
    for (const name of names) await port.seed(name, { layers: [{ size: 20 * KB, seed: name }] });
    port.server.faults = {
      rules: [{ on: { kind: 'upload', method: 'POST', repository: 'app3' }, status: 403 }],
    };
    const result = await port.push([...names, 'missing:1', 'BAD NAME']);
    assert.equal(result.outcome, 'failed');
    assert.deepEqual(states(result), [
      ...names.map((_, i) => (i === 3 ? 'failed ERR_DENIED' : 'pushed')),
      'failed ERR_IMAGE_NOT_FOUND',
      'failed ERR_REFERENCE_INVALID',
    ]);
  });

  test('a blob that is missing in the store is named', LIMIT, async () => {
    await using port = await quay();
    const image = await port.seed('app:1', { layers: [{ size: 20 * KB }] });
    await rm(port.store.blobPath(image.layers[0]?.digest ?? image.descriptor.digest));
    const result = await port.push(['app:1']);
    assert.deepEqual(states(result), ['failed ERR_IMAGE_INCOMPLETE']);
  });

  test('breaks, refusals and lost sessions are tried again', LIMIT, async () => {
    await using port = await quay();
    await port.seed('app:1', { layers: [{ size: 500 * KB }, { size: 300 * KB, seed: 'b' }] });
    port.server.faults = {
      rules: [
        { on: { kind: 'upload', method: 'PUT', nth: 1 }, resetAt: 100_000 },
        { on: { kind: 'upload', method: 'PUT', nth: 2 }, status: 404 },
        { on: { kind: 'upload', method: 'POST', nth: 2 }, status: 503, retryAfter: '0.05' },
        { on: { kind: 'manifest', method: 'PUT', nth: 1 }, status: 500 },
      ],
    };
    assert.deepEqual(states(await port.push(['app:1'])), ['pushed']);
    assert.ok(eventsOf(port.events, 'blob.retry').length >= 2);
  });

  test('a body that was damaged on its way is sent once more', LIMIT, async () => {
    await using port = await quay();
    await port.seed('app:1', { layers: [{ size: 100 * KB }] });
    port.server.faults = {
      rules: [{ on: { kind: 'upload', method: 'PUT', nth: 1 }, corruptAt: 10 }],
    };
    assert.deepEqual(states(await port.push(['app:1'])), ['pushed']);
    port.server.faults = { rules: [{ on: { kind: 'upload', method: 'PUT' }, corruptAt: 10 }] };
    await port.seed('app:2', { layers: [{ size: 100 * KB, seed: 'other' }] });
    assert.deepEqual(states(await port.push(['app:2'])), ['failed ERR_DIGEST_MISMATCH']);
  });

  test('chunks go on where they broke, below the limit of a proxy', LIMIT, async () => {
    await using port = await quay();
    const image = await port.seed('app:1', { layers: [{ size: 900 * KB }] });
    port.server.faults = {
      rules: [{ on: { kind: 'upload', method: 'PATCH', nth: 4 }, resetAt: 30_000 }],
    };
    const result = await port.push(['app:1'], { chunkBytes: 100 * KB });
    assert.deepEqual(states(result), ['pushed']);
    const total = image.blobs.reduce((sum, { size }) => sum + size, 0);
    assert.ok(result.sentBytes < total + 250 * KB, `${result.sentBytes} of ${total}`);
    const largest = Math.max(...port.server.stats.log.map(({ bytesIn }) => bytesIn));
    assert.ok(largest <= 100 * KB, String(largest));
  });

  test('a tag that somebody else moves meanwhile stays theirs', LIMIT, async () => {
    await using port = await quay();
    await port.seed('app:1', { layers: [{ size: 100 * KB }] });
    const theirs = await port.seed('other:1', { layers: [{ size: 10 * KB, seed: 'theirs' }] });
    await port.push(['other:1=app:theirs']);
    const result = await port.push(['app:1'], {
      onEvent: (event) => {
        if (event.type === 'blob.pushed') {
          void port.remote.setReference('localhost/app:1', theirs.descriptor);
        }
      },
    });
    assert.deepEqual(states(result), ['failed ERR_TAG_MOVED']);
    assert.equal(
      (await port.remote.getReference('localhost/app:1'))?.digest,
      theirs.descriptor.digest,
    );
  });

  test('two images for one name: the second fails, before it sends anything', LIMIT, async () => {
    await using port = await quay();
    await port.seed('a:1', { layers: [{ size: 10 * KB, seed: 'a' }] });
    await port.seed('b:1', { layers: [{ size: 10 * KB, seed: 'b' }] });
    const result = await port.push(['a:1=app:1', 'b:1=app:1']);
    assert.deepEqual(states(result), ['pushed', 'failed ERR_DESTINATION_TWICE']);
  });

  test('a read-only registry says so', LIMIT, async () => {
    await using port = await quay({ readOnly: true });
    await port.seed('app:1', { layers: [{ size: 10 * KB }] });
    assert.deepEqual(states(await port.push(['app:1'])), ['failed ERR_READ_ONLY']);
  });

  test('a registry that forgot a blob which it said it had gets it again', LIMIT, async () => {
    await using port = await quay();
    const image = await port.seed('app:1', { layers: [{ size: 10 * KB }] });
    const config = image.blobs.find(({ mediaType }) => mediaType.includes('config'));
    port.server.faults = {
      rules: [
        {
          on: { kind: 'blob', method: 'HEAD', digest: config?.digest ?? '' },
          status: 200,
          headers: { 'content-length': String(config?.size) },
        },
      ],
    };
    const result = await port.push(['app:1']);
    assert.deepEqual(states(result), ['pushed']);
  });
});

describe('the order of a push', LIMIT, () => {
  test('is that of the images, the largest blob of each first', async () => {
    await using port = await quay();
    const names = ['small:1', 'large:1', 'middle:1'];
    for (const [i, size] of [20, 300, 100].entries()) {
      const layers = [size / 2, size].map((part) => ({ size: part * KB, seed: `${i}-${part}` }));
      await port.seed(names[i] ?? '', { layers });
    }
    await port.push(names, { pushers: 1 });
    const sent = eventsOf(port.events, 'blob.pushed').filter(({ size }) => size >= 10 * KB);
    const owners = sent.map(({ repository }) => repository.split('/').at(-1));
    assert.deepEqual(
      owners,
      ['small', 'large', 'middle'].flatMap((owner) => [owner, owner]),
    );
    for (const owner of ['small', 'large', 'middle']) {
      const [first, second] = sent.filter(({ repository }) => repository.endsWith(owner));
      assert.ok((first?.size ?? 0) > (second?.size ?? 0), owner);
    }
    assert.deepEqual(
      eventsOf(port.events, 'image.done').map(({ image }) => image),
      [0, 1, 2],
    );
  });
});

describe('a push that is stopped', LIMIT, () => {
  test('drains: what moves ends, nothing new begins, sessions are deleted', LIMIT, async () => {
    await using port = await quay();
    const names = Array.from({ length: 6 }, (_, i) => `app${i}:1`);
    for (const name of names) await port.seed(name, { layers: [{ size: 200 * KB, seed: name }] });
    port.server.faults = { rules: [{ on: { kind: 'upload' }, bytesPerSecond: 400 * KB }] };
    const drain = new AbortController();
    const result = await port.push(names, {
      pushers: 2,
      drain: drain.signal,
      onEvent: (event) => {
        port.events.push(event);
        if (event.type === 'blob.pushed') drain.abort(new Error('Ctrl-C'));
      },
    });
    assert.equal(result.outcome, 'cancelled');
    const ended = states(result);
    assert.equal(ended.length, 6);
    assert.ok(
      ended.every((state) => state === 'pushed' || state === 'cancelled'),
      ended.join(),
    );
    assert.ok(eventsOf(port.events, 'blob.pushed').length <= 4);
  });

  test('after a failure it was stopped all the same', LIMIT, async () => {
    await using port = await quay();
    await port.seed('app:1', { layers: [{ size: 2000 * KB }] });
    port.server.faults = { rules: [{ on: { kind: 'upload' }, bytesPerSecond: 100 * KB }] };
    const stop = new AbortController();
    const result = await port.push(['missing:1', 'app:1'], {
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'progress' && event.active.length > 0) stop.abort(new Error('Ctrl-C'));
      },
    });
    assert.deepEqual(states(result), ['failed ERR_IMAGE_NOT_FOUND', 'cancelled']);
    assert.equal(result.outcome, 'cancelled');
  });

  test('at once: uploads are cut and their sessions deleted', LIMIT, async () => {
    await using port = await quay();
    await port.seed('app:1', { layers: [{ size: 20_000 * KB }] });
    port.server.faults = { rules: [{ on: { kind: 'upload', method: 'PUT' }, stallAt: 1000 }] };
    const stop = new AbortController();
    const pushing = port.push(['app:1'], {
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'progress' && event.active.length > 0) stop.abort(new Error('now'));
      },
    });
    assert.deepEqual(states(await pushing), ['cancelled']);
    assert.ok(countOf(port, 'DELETE', /uploads/, 204) >= 1);
  });

  test('fail-fast stops the rest', LIMIT, async () => {
    await using port = await quay();
    await port.seed('bad:1', { layers: [{ size: 10 * KB }] });
    await port.seed('slow:1', { layers: [{ size: 900 * KB, seed: 'slow' }] });
    port.server.faults = {
      rules: [
        { on: { kind: 'upload', repository: 'slow' }, bytesPerSecond: 1000 },
        { on: { kind: 'upload', repository: 'bad' }, status: 403 },
      ],
    };
    const result = await port.push(['slow:1', 'bad:1'], { failFast: true });
    assert.deepEqual(states(result), ['cancelled', 'failed ERR_DENIED']);
    assert.equal(result.outcome, 'failed');
  });
});
