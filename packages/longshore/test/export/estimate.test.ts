import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { addEstimates, estimateExport, exportImage } from '../../src/export/index.ts';
import { putImage, tempStore } from './helpers/image.ts';
import { file, tar } from './helpers/tarBuilder.ts';

it('several exports need the largest of their temporary spaces, not the sum', () => {
  const one = estimateExport(1000, 'sif', 'tar2sqfs');
  const two = estimateExport(5000, 'sif', 'tar2sqfs');
  assert.deepEqual(addEstimates([one, two]), {
    bytes: one.bytes + two.bytes,
    temporaryBytes: two.temporaryBytes,
    inodes: 4,
  });
  assert.equal(addEstimates([one, estimateExport(1, 'rootfs')]).inodes, undefined);
  assert.deepEqual(addEstimates([]), { bytes: 0, temporaryBytes: 0, inodes: 0 });
});

it('an export is estimated from the manifest alone', async () => {
  const home = await mkdtemp(join(tmpdir(), 'longshore-estimate-'));
  const store = await tempStore(join(home, 'store'));
  try {
    const layer = tar(file('a', 'x'.repeat(2_000_000)));
    const image = await putImage(store, [layer, layer]);
    const { config, layers } = image.manifest;
    const stored = [config, ...layers].reduce((sum, { size }) => sum + size, 0);
    const sif = estimateExport(stored, 'sif');
    assert.ok(sif.bytes > 2 * layer.length);
    assert.deepEqual([sif.temporaryBytes, sif.inodes], [0, 1]);
    assert.equal(estimateExport(stored, 'sif', 'tar2sqfs').temporaryBytes, sif.bytes);
    assert.equal(estimateExport(stored, 'rootfs').inodes, undefined);
    for (const kind of ['oci-archive', 'docker-archive'] as const) {
      const path = join(home, kind);
      const { bytes } = await exportImage({ store, image, output: { kind, path } });
      const { bytes: expected } = estimateExport(stored, kind);
      assert.ok(bytes <= expected, `${kind} has ${bytes} bytes, at most ${expected} were expected`);
    }
  } finally {
    await store.close();
    await rm(home, { recursive: true, force: true });
  }
});
