import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  digestOf,
  isDigest,
  MEDIA_TYPES,
  parseDigest,
  parseManifest,
} from '../../src/image/index.ts';

const DIGEST = digestOf(Buffer.from('x'));
const descriptor = { mediaType: MEDIA_TYPES.ociLayerGzip, digest: DIGEST, size: 1 };
const image = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociManifest,
  config: { ...descriptor, mediaType: MEDIA_TYPES.ociConfig },
  layers: [descriptor],
};
const read = (value: unknown, type?: string): ReturnType<typeof parseManifest> =>
  parseManifest(Buffer.from(JSON.stringify(value)), type);

describe('parseManifest', () => {
  test('reads OCI and Docker images and indexes', () => {
    assert.equal(read(image).kind, 'manifest');
    assert.equal(
      read({ ...image, mediaType: MEDIA_TYPES.dockerManifest }).mediaType,
      MEDIA_TYPES.dockerManifest,
    );
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [descriptor] };
    assert.equal(read(index).kind, 'index');
    assert.equal(read({ ...index, mediaType: undefined }).kind, 'index');
    assert.equal(read({ ...index, mediaType: MEDIA_TYPES.dockerManifestList }).kind, 'index');
  });
  test('takes the type from the response where the document does not say', () => {
    const { mediaType: _, ...untyped } = image;
    assert.equal(read(untyped, MEDIA_TYPES.dockerManifest).mediaType, MEDIA_TYPES.dockerManifest);
    assert.equal(read(untyped).mediaType, MEDIA_TYPES.ociManifest);
  });
  test('keeps artifacts without layers, unknown layer types, foreign URLs, subject and annotations', () => {
    const odd = {
      mediaType: 'application/x-odd',
      digest: DIGEST,
      size: 7,
      urls: ['https://example.com/l'],
    };
    const manifest = read({
      ...image,
      layers: [],
      artifactType: 'a/b',
      subject: descriptor,
      annotations: { a: 'b', c: 1 },
    });
    assert.ok(manifest.kind === 'manifest');
    assert.deepEqual(manifest.layers, []);
    assert.equal(manifest.artifactType, 'a/b');
    assert.deepEqual(manifest.subject, descriptor);
    assert.deepEqual(manifest.annotations, { a: 'b' });
    const foreign = read({ ...image, layers: [odd] });
    assert.deepEqual(foreign.kind === 'manifest' && foreign.layers, [odd]);
  });
  test('refuses schema 1 in plain words, whichever way it shows', () => {
    const old = { schemaVersion: 1, name: 'x', fsLayers: [] };
    assert.throws(() => read(old), { code: 'ERR_MANIFEST_SCHEMA1' });
    assert.throws(() => read({}, 'application/vnd.docker.distribution.manifest.v1+prettyjws'), {
      code: 'ERR_MANIFEST_SCHEMA1',
    });
  });
  test('refuses what is over 4 MiB before parsing it', () => {
    assert.throws(() => parseManifest(Buffer.alloc(4 * 1024 * 1024 + 1, 0x20)), /over 4 MiB/);
  });
  test('refuses a document of two readings', () => {
    assert.throws(() => read({ ...image, manifests: [descriptor] }), /both an index and an image/);
    assert.throws(() => read(image, MEDIA_TYPES.dockerManifest), /its sender says/);
  });

  const bad: readonly (readonly [string, unknown])[] = [
    ['a list', []],
    ['null', null],
    ['no config', { ...image, config: undefined }],
    ['layers that are no list', { ...image, layers: {} }],
    [
      'a digest with a path in it',
      { ...image, layers: [{ ...descriptor, digest: 'sha256:../../x' }] },
    ],
    [
      'an upper-case digest',
      { ...image, layers: [{ ...descriptor, digest: DIGEST.toUpperCase() }] },
    ],
    ['a negative size', { ...image, layers: [{ ...descriptor, size: -1 }] }],
    ['a fractional size', { ...image, layers: [{ ...descriptor, size: 1.5 }] }],
    ['a size past 2^53', { ...image, layers: [{ ...descriptor, size: 2 ** 60 }] }],
    ['a size in text', { ...image, layers: [{ ...descriptor, size: '1' }] }],
    ['a layer without a media type', { ...image, layers: [{ digest: DIGEST, size: 1 }] }],
  ];
  for (const [name, value] of bad) {
    test(`refuses ${name}`, () => {
      assert.throws(() => read(value), { code: 'ERR_MANIFEST_INVALID' });
    });
  }
  test('refuses a type it does not know', () => {
    assert.throws(() => read({ schemaVersion: 2 }, 'text/html'), {
      code: 'ERR_MANIFEST_UNKNOWN_TYPE',
    });
  });
  test('refuses what is not JSON, not UTF-8', () => {
    assert.throws(() => parseManifest(Buffer.from('<html>')), { code: 'ERR_MANIFEST_INVALID' });
    assert.throws(() => parseManifest(Buffer.from([0xff, 0xfe])), { code: 'ERR_MANIFEST_INVALID' });
  });
});

test('any JSON is read or refused with an error of ours, and what is read holds valid descriptors', () => {
  const field = fc.oneof(fc.jsonValue(), fc.constant(descriptor), fc.constant([descriptor]));
  const shape = fc.record(
    {
      schemaVersion: fc.oneof(fc.constant(2), fc.jsonValue()),
      mediaType: fc.oneof(fc.constantFrom(...Object.values(MEDIA_TYPES)), fc.jsonValue()),
      config: field,
      layers: field,
      manifests: field,
      subject: field,
      annotations: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(shape, (value) => {
      try {
        const parsed = read(value);
        const all = parsed.kind === 'index' ? parsed.manifests : [parsed.config, ...parsed.layers];
        for (const item of all) assert.ok(isDigest(item.digest) && Number.isSafeInteger(item.size));
      } catch (error) {
        assert.match(String((error as { code?: string }).code), /^ERR_MANIFEST_/);
      }
    }),
    { numRuns: 3000 },
  );
});

describe('digests', () => {
  test('are accepted by the grammar alone', () => {
    assert.equal(parseDigest(DIGEST), DIGEST);
    assert.equal(parseDigest(`sha512:${'0'.repeat(128)}`).length, 135);
    for (const bad of [
      '',
      'sha256:',
      `sha256:${'g'.repeat(64)}`,
      'sha256:../../x',
      `sha256:${'a'.repeat(63)}`,
      `${DIGEST}\n`,
      `md5:${'a'.repeat(32)}`,
    ]) {
      assert.throws(() => parseDigest(bad), { code: 'ERR_DIGEST_INVALID' });
    }
  });
});
