import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Descriptor, digestOf } from '../../src/image/index.ts';
import { Account } from '../../src/transfer/account.ts';
import {
  blobKey,
  type ImageNeeds,
  planPull,
  scheduleLargestFirst,
} from '../../src/transfer/plan.ts';

function blob(id: number, size = (id * 37) % 101): Descriptor {
  return { mediaType: 'application/x', digest: digestOf(Buffer.from(`blob ${id}`)), size };
}

const imagesOf = fc
  .array(
    fc.record({
      repository: fc.integer({ min: 0, max: 3 }),
      blobs: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 12 }),
    }),
    { maxLength: 25 },
  )
  .map((images) =>
    images.map(
      ({ repository, blobs }, image): ImageNeeds => ({
        image,
        repository: { registry: `r${repository}.example`, repository: 'x' },
        label: `image ${image}`,
        blobs: blobs.map((id) => blob(id)),
      }),
    ),
  );
const heldOf = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 20 });

test('every blob that is not held is fetched exactly once, for all the images that need it', () => {
  fc.assert(
    fc.property(imagesOf, heldOf, (images, heldIds) => {
      const held = new Set(heldIds.map((id) => blob(id).digest));
      const plan = planPull(images, ({ digest }) => ({
        present: held.has(digest),
        partialBytes: 0,
      }));
      const keys = plan.fetch.map(({ key }) => key);
      assert.equal(new Set(keys).size, keys.length);
      const needed = new Set(
        images.flatMap(({ blobs }) => blobs.filter(({ digest }) => !held.has(digest)).map(blobKey)),
      );
      assert.deepEqual(new Set(keys), needed);
      for (const { descriptor, images: by, sources } of plan.fetch) {
        const wanting = images.filter(({ blobs }) =>
          blobs.some((b) => b.digest === descriptor.digest),
        );
        assert.deepEqual(
          [...by],
          wanting.map(({ image }) => image),
        );
        const registries = sources.map(({ registry }) => registry);
        assert.equal(new Set(registries).size, registries.length);
        assert.deepEqual(
          new Set(registries),
          new Set(wanting.map(({ repository }) => repository.registry)),
        );
      }
      const { bytes, presentBytes, fetchBytes, resumableBytes } = plan.summary;
      assert.equal(bytes, presentBytes + fetchBytes + resumableBytes);
    }),
    { numRuns: 500 },
  );
});

test('what earlier runs have left is taken off, and never more than the blob', () => {
  const image = { image: 0, repository: { registry: 'r', repository: 'x' }, label: 'l' };
  const plan = planPull([{ ...image, blobs: [blob(1, 100), blob(2, 50)] }], ({ digest }) => ({
    present: false,
    partialBytes: digest === blob(1).digest ? 40 : 80,
  }));
  assert.equal(plan.summary.resumableBytes, 90);
  assert.equal(plan.summary.fetchBytes, 60);
});

test('one digest with two sizes stays two blobs, so that the liar fails alone', () => {
  const needs = (image: number, size: number): ImageNeeds => ({
    image,
    repository: { registry: 'r', repository: `x${image}` },
    label: 'l',
    blobs: [blob(1, size)],
  });
  const plan = planPull([needs(0, 10), needs(1, 11)], () => ({ present: false, partialBytes: 0 }));
  assert.deepEqual(
    plan.fetch.map(({ images }) => images),
    [[0], [1]],
  );
});

test('the largest remaining goes first, and ties keep their order', () => {
  const planned = [5, 30, 20, 30].map((size, i) => ({
    key: `${i}`,
    descriptor: blob(i, size),
    sources: [],
    images: [],
    label: '',
    partialBytes: i === 1 ? 15 : 0,
  }));
  assert.deepEqual(
    scheduleLargestFirst(planned).map(({ key }) => key),
    ['3', '2', '1', '0'],
  );
});

test('the account ends every image exactly once, and drops only what nobody needs', () => {
  const outcomes = fc.infiniteStream(fc.boolean());
  fc.assert(
    fc.property(imagesOf, outcomes, (images, succeed) => {
      const plan = planPull(images, () => ({ present: false, partialBytes: 0 }));
      const account = new Account(plan.fetch);
      const ended = new Map<number, 'completed' | 'failed'>();
      const end = (list: readonly number[], how: 'completed' | 'failed'): void => {
        for (const image of list) {
          assert.equal(ended.has(image), false, `image ${image} ended twice`);
          ended.set(image, how);
        }
      };
      const unneeded = new Set<string>();
      const failedBlobs = new Set<string>();
      for (const { key } of plan.fetch) {
        if (unneeded.has(key)) continue;
        const good = succeed.next().value;
        if (!good) failedBlobs.add(key);
        const settlement = good ? account.blobDone(key) : account.blobFailed(key);
        end(settlement.completed, 'completed');
        end(settlement.failed, 'failed');
        for (const gone of settlement.unneeded) unneeded.add(gone);
      }
      for (const { image, blobs } of images) {
        if (blobs.length === 0) continue;
        const hit = blobs.some((b) => failedBlobs.has(blobKey(b)));
        assert.equal(ended.get(image), hit ? 'failed' : 'completed');
      }
      for (const { key, images: by } of plan.fetch) {
        if (unneeded.has(key)) assert.ok(by.every((image) => ended.get(image) === 'failed'));
      }
    }),
    { numRuns: 500 },
  );
});
