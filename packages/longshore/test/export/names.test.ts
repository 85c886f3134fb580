import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { imageFileName, NAMING_SCHEMES, parseNamingScheme } from '../../src/export/index.ts';

describe('imageFileName', () => {
  it('names as Nextflow does', () => {
    const name = (reference: string): string => imageFileName('nextflow', reference).name;
    assert.equal(name('debian:12'), 'debian-12.img');
    assert.equal(
      name('quay.io/biocontainers/fastqc:0.11.9--0'),
      'quay.io-biocontainers-fastqc-0.11.9--0.img',
    );
    assert.equal(name('docker://nextflow/examples'), 'nextflow-examples.img');
    assert.equal(name('oras://ghcr.io/me/tool.sif:1.0'), 'ghcr.io-me-tool-1.0.sif');
    assert.equal(name('localhost:5000/a:b'), 'localhost-5000-a-b.img');
  });

  it('adds links for registries as nf-core does', () => {
    assert.deepEqual(
      imageFileName('nf-core', 'quay.io/biocontainers/fastqc:1', { registries: ['depot.io'] }),
      {
        name: 'quay.io-biocontainers-fastqc-1.img',
        aliases: ['biocontainers-fastqc-1.img', 'depot.io-biocontainers-fastqc-1.img'],
      },
    );
    assert.deepEqual(
      imageFileName('nf-core', 'biocontainers/fastqc:1', { registries: ['quay.io'] }),
      {
        name: 'biocontainers-fastqc-1.img',
        aliases: ['quay.io-biocontainers-fastqc-1.img'],
      },
    );
  });

  it('names as Snakemake does: the MD5 of the whole address', () => {
    const md5 = createHash('md5').update('docker://debian:12').digest('hex');
    assert.equal(imageFileName('snakemake', 'debian:12').name, `${md5}.simg`);
    assert.equal(imageFileName('snakemake', 'docker://debian:12').name, `${md5}.simg`);
    assert.notEqual(imageFileName('snakemake', 'oras://debian:12').name, `${md5}.simg`);
  });

  it('never leads out of its directory', () => {
    for (const scheme of NAMING_SCHEMES) {
      for (const bad of ['../x', 'a/../b', '', '/etc/passwd', 'a b', 'a\0b']) {
        assert.throws(() => imageFileName(scheme, bad), { code: 'ERR_REFERENCE_INVALID' }, bad);
      }
    }
  });

  it('is plain and its own for every reference', () => {
    const part = fc
      .stringMatching(/^[a-z]([a-z_.-]?[a-z])?$/)
      .filter((text) => !text.includes('..'));
    const reference = fc
      .tuple(part, fc.option(part, { nil: undefined }), fc.option(part, { nil: undefined }))
      .map(([a, b, c]) => [a, b].filter(Boolean).join('/') + (c === undefined ? '' : `:${c}`));
    fc.assert(
      fc.property(reference, reference, (a, b) => {
        const [x, y] = [imageFileName('plain', a).name, imageFileName('plain', b).name];
        assert.match(x, /^[\w.=-]+\.sif$/);
        assert.equal(x === y, a === b);
      }),
      {
        examples: [
          ['a/b', 'a:b'],
          ['a_b/c', 'a/b_c'],
          ['a__b/c', 'a/b/c'],
        ],
      },
    );
  });

  it('knows its schemes by name', () => {
    assert.equal(parseNamingScheme('nf-core'), 'nf-core');
    assert.throws(() => parseNamingScheme('shpc'), { code: 'ERR_NAMING_SCHEME' });
  });
});
