import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { apptainerCacheKey, exportImage, warmApptainerCache } from '../../src/export/index.ts';
import { parseDigest, parsePlatform } from '../../src/image/index.ts';
import { fakeMksquashfs } from './helpers/fakeConverter.ts';
import { putImage, tempStore } from './helpers/image.ts';
import { file, tar } from './helpers/tarBuilder.ts';

let home: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-apptainer-'));
});
after(() => rm(home, { recursive: true, force: true }));

async function fakeApptainer(version: string): Promise<string> {
  const path = join(await mkdtemp(join(home, 'bin-')), 'apptainer');
  await writeFile(path, `#!/bin/sh\necho "apptainer version ${version}"\n`);
  await chmod(path, 0o755);
  return path;
}

const tagDescriptor = { digest: parseDigest(`sha256:${'1'.repeat(64)}`) };
const platform = parsePlatform('linux/amd64');

describe("Apptainer's cache", () => {
  it('has a name for each tag and platform', () => {
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
    assert.equal(apptainerCacheKey(tagDescriptor, platform), hash(`${'1'.repeat(64)}amd64`));
    const arm = parsePlatform('linux/arm/v7');
    assert.equal(apptainerCacheKey(tagDescriptor, arm), hash(`${'1'.repeat(64)}armv7`));
  });

  it('takes a SIF of the very image, for versions that are known', {
    timeout: 20_000,
  }, async () => {
    const store = await tempStore(join(home, 'store'));
    const image = await putImage(store, [tar(file('a', 'A'))]);
    await store.close();
    const sif = join(home, 'a.sif');
    const tools = await mkdtemp(join(home, 'tools-'));
    await fakeMksquashfs(tools, 'works');
    const reopened = await tempStore(join(home, 'store'));
    await exportImage({
      store: reopened,
      image,
      output: { kind: 'sif', path: sif },
      options: { searchPath: tools },
    });
    await reopened.close();
    const cacheDirectory = join(home, 'cache');
    const request = {
      sif,
      tagDescriptor,
      imageDescriptor: image.descriptor,
      platform,
      cacheDirectory,
    };
    for (const version of ['1.1.0', '1.9.0', '2.0.0', 'unknown']) {
      await assert.rejects(
        warmApptainerCache({ ...request, apptainer: await fakeApptainer(version) }),
        { code: 'ERR_APPTAINER_VERSION' },
        version,
      );
    }
    const apptainer = await fakeApptainer('1.4.2');
    const missing = join(home, 'nowhere/apptainer');
    await assert.rejects(warmApptainerCache({ ...request, apptainer: missing }), {
      code: 'ERR_APPTAINER_VERSION',
    });
    await assert.rejects(
      warmApptainerCache({ ...request, imageDescriptor: tagDescriptor, apptainer }),
      { code: 'ERR_SIF_FOREIGN' },
    );
    await assert.rejects(readdir(cacheDirectory), { code: 'ENOENT' });
    const path = await warmApptainerCache({ ...request, apptainer });
    assert.equal(path, join(cacheDirectory, 'oci-tmp', apptainerCacheKey(tagDescriptor, platform)));
    assert.ok((await readFile(path)).equals(await readFile(sif)));
    assert.deepEqual(await readdir(join(cacheDirectory, 'oci-tmp')), [
      apptainerCacheKey(tagDescriptor, platform),
    ]);
  });
});
