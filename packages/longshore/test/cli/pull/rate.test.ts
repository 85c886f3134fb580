import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readMirrors } from '../../../src/cli/mirrors.ts';
import { openRate } from '../../../src/cli/pull/rate.ts';

test('a rate is given outright, or by a file that may change meanwhile', {
  timeout: 20_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-rate-'));
  try {
    using fixed = await openRate('20MB/s', folder);
    assert.equal(fixed.limit.bytesPerSecond, 20_000_000);
    await writeFile(join(folder, 'rate'), '1 MB/s\n');
    using followed = await openRate('@rate', folder);
    assert.equal(followed.limit.bytesPerSecond, 1_000_000);
    await writeFile(join(folder, 'rate'), '3MB/s');
    const deadline = performance.now() + 15_000;
    const rate = (): number => followed.limit.bytesPerSecond;
    while (rate() !== 3_000_000 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(rate(), 3_000_000);
    await assert.rejects(openRate('fast', folder), { code: 'ERR_USAGE' });
    await assert.rejects(openRate('0', folder), { code: 'ERR_USAGE' });
    await assert.rejects(openRate('@missing', folder), { code: 'ERR_USAGE' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('mirrors are read in their order; what is none is refused', () => {
  const mirrors = readMirrors([
    'docker.io=one.lab:5000',
    'docker.io=two.lab/hub/x',
    'ghcr.io=[::1]:5000',
  ]);
  assert.deepEqual(mirrors.get('docker.io'), [
    { registry: 'one.lab:5000' },
    { registry: 'two.lab', prefix: 'hub/x' },
  ]);
  assert.deepEqual(mirrors.get('ghcr.io'), [{ registry: '[::1]:5000' }]);
  for (const bad of [
    '',
    'docker.io',
    '=x.lab',
    'docker.io=',
    'docker.io=x.lab/../y',
    'docker.io=x.lab/',
    'https://docker.io=x',
  ]) {
    assert.throws(() => readMirrors([bad]), { code: 'ERR_USAGE' }, bad);
  }
});
