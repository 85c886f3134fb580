import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Builder, BuildStep, BuildTarget, BuiltImage } from '../../src/build/index.ts';
import { isLongshoreError } from '../../src/errors.ts';
import { type ExportImage, loadImage, storeLayers } from '../../src/export/index.ts';
import { type Descriptor, manifestBlobs } from '../../src/image/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { type Found, flatten } from '../export/helpers/layers.ts';
import { type ContextFiles, targetIn, writeContext } from './target.ts';

/** How a kind of builder is put to the test. */
export interface BuilderSubject {
  /** For the names of the tests: `buildah`. */
  readonly kind: string;
  /** Opens one with all that it needs; disposed of at the end, with what was started for it. */
  open(): Promise<{ readonly builder: Builder } & AsyncDisposable>;
  /** @defaultValue false */
  readonly skip?: false | string | undefined;
  /** For one test. @defaultValue 60000 */
  readonly timeoutMs?: number | undefined;
}

/** What one build has said and left. */
export interface Built {
  readonly image: BuiltImage;
  readonly lines: readonly string[];
  readonly steps: readonly BuildStep[];
}

/** A builder in use: a store of its own, folders for contexts. */
export class BuilderBench {
  readonly builder: Builder;
  readonly store: Store;
  readonly #home: string;
  #contexts = 0;

  constructor(builder: Builder, store: Store, home: string) {
    this.builder = builder;
    this.store = store;
    this.#home = home;
  }

  /** A target whose context holds these files. */
  async target(files: ContextFiles, fields: Partial<BuildTarget> = {}): Promise<BuildTarget> {
    this.#contexts += 1;
    const folder = join(this.#home, `context-${this.#contexts}`);
    await writeContext(folder, files);
    return targetIn(folder, fields);
  }

  async build(
    target: BuildTarget,
    options: {
      readonly bases?: Readonly<Record<string, Descriptor>>;
      readonly signal?: AbortSignal;
      readonly onLog?: (line: string) => void;
    } = {},
  ): Promise<Built> {
    const lines: string[] = [];
    const steps: BuildStep[] = [];
    const image = await this.builder.build({
      target,
      store: this.store,
      bases: new Map(Object.entries(options.bases ?? {})),
      onLog: (line) => {
        lines.push(line);
        options.onLog?.(line);
      },
      onStep: (step) => steps.push(step),
      signal: options.signal ?? new AbortController().signal,
    });
    return { image, lines, steps };
  }

  /** The image with its small documents; fails when a blob of it is not in the store. */
  async load(image: BuiltImage): Promise<ExportImage> {
    assert.equal(await this.store.has(image), true);
    const loaded = await loadImage(this.store, image);
    for (const blob of manifestBlobs(loaded.manifest)) {
      assert.equal(await this.store.has(blob), true, `not in the store: ${blob.digest}`);
    }
    return loaded;
  }

  /** What is in the image, by path. */
  async files(image: BuiltImage): Promise<Map<string, Found>> {
    return flatten(storeLayers(this.store, await this.load(image)));
  }

  /** The `config` part of the image's config. */
  async runtime(image: BuiltImage): Promise<Record<string, unknown>> {
    const { configBytes } = await this.load(image);
    const config: unknown = JSON.parse(Buffer.from(configBytes).toString());
    assert.ok(typeof config === 'object' && config !== null && 'config' in config);
    assert.ok(typeof config.config === 'object' && config.config !== null);
    return { ...config.config };
  }
}

/** Opens a builder and a store for the tests of one `describe`. */
export function useBench(subject: BuilderSubject): () => BuilderBench {
  let bench: BuilderBench | undefined;
  const cleanup = new AsyncDisposableStack();
  before(async () => {
    const home = await mkdtemp(join(tmpdir(), 'longshore-builder-'));
    cleanup.defer(() => rm(home, { recursive: true, force: true }));
    const store = await openStore(join(home, 'store'));
    cleanup.defer(() => store.close());
    const { builder } = cleanup.use(await subject.open());
    bench = new BuilderBench(builder, store, home);
  });
  after(() => cleanup.disposeAsync());
  return () => {
    assert.ok(bench !== undefined);
    return bench;
  };
}

/** Whether a build failed with this code, and says all of this. */
export function buildFails(code: string, ...parts: readonly string[]): (error: unknown) => true {
  return (error) => {
    assert.ok(isLongshoreError(error), String(error));
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  };
}

/** What every builder must do. None of it needs a `RUN`. */
export function testBuilderContract(subject: BuilderSubject): void {
  const { kind, skip = false, timeoutMs: timeout = 60_000 } = subject;
  void describe(`builder contract: ${kind}`, { skip }, () => {
    const bench = useBench(subject);
    const check = (what: string, body: (bench: BuilderBench) => Promise<void>): void => {
      void it(what, { timeout }, () => body(bench()));
    };
    testContent(check);
    testBases(check);
    testFailures(check);
  });
}

type Check = (what: string, body: (bench: BuilderBench) => Promise<void>) => void;

function testContent(check: Check): void {
  check('says who it is', async ({ builder }) => {
    assert.match(builder.version, /\d/);
  });

  check('makes an image of files and settings, complete in the store', async (bench) => {
    const target = await bench.target(
      {
        Dockerfile:
          'FROM scratch\nARG WORD=none\nENV SAID=$WORD\nCOPY a.txt sub /data/\nLABEL own=1\nUSER 12\nWORKDIR /data\nCMD ["/data/a.txt"]\n',
        'a.txt': 'alpha',
        'sub/b.txt': 'beta',
      },
      { args: { WORD: 'said it' }, labels: { given: 'two words' } },
    );
    assert.deepEqual(await bench.builder.unsupported(target), []);
    const { image, steps } = await bench.build(target);
    const files = await bench.files(image);
    assert.equal(files.get('data/a.txt')?.data, 'alpha');
    assert.equal(files.get('data/b.txt')?.data, 'beta');
    const runtime = await bench.runtime(image);
    assert.deepEqual(runtime['Cmd'], ['/data/a.txt']);
    assert.equal(runtime['User'], '12');
    assert.equal(runtime['WorkingDir'], '/data');
    assert.deepEqual(runtime['Labels'], { own: '1', given: 'two words' });
    assert.ok(Array.isArray(runtime['Env']) && runtime['Env'].includes('SAID=said it'));
    assert.ok(steps.some(({ name }) => name.startsWith('COPY a.txt sub /data/')));
    const copy = steps.find(({ name }) => name.startsWith('COPY'));
    assert.ok(copy !== undefined && copy.number >= 1 && copy.number <= (copy.total ?? Infinity));
  });

  check('leaves out what .dockerignore names, and keeps what it takes back', async (bench) => {
    const target = await bench.target({
      Dockerfile: 'FROM scratch\nCOPY . /all/\n',
      '.dockerignore': '# words\n**/*.log\nsecret\n!keep/important.log\nDockerfile\n',
      'a.log': 'no',
      'keep/important.log': 'yes',
      'keep/other.log': 'no',
      'secret/key': 'no',
      'plain.txt': 'yes',
    });
    const names = [...(await bench.files((await bench.build(target)).image)).keys()];
    const wanted = names.filter((name) => name.startsWith('all/') && !name.endsWith('ignore'));
    assert.deepEqual(wanted.sort(), ['all/keep', 'all/keep/important.log', 'all/plain.txt']);
  });

  check('builds the stage that is asked for, and copies between stages', async (bench) => {
    const target = await bench.target(
      {
        Dockerfile:
          'FROM scratch AS one\nCOPY a /a\nFROM scratch AS two\nCOPY --from=one /a /from-one\nFROM scratch AS three\nCOPY a /three\n',
        a: 'A',
      },
      { stage: 'two' },
    );
    const files = await bench.files((await bench.build(target)).image);
    assert.equal(files.get('from-one')?.data, 'A');
    assert.equal(files.has('three'), false);
  });

  check('takes the Dockerfile from elsewhere, or from the specification itself', async (bench) => {
    const elsewhere = await bench.target({ 'my.dockerfile': 'FROM scratch\nCOPY f /file\n' });
    assert.ok(elsewhere.context.kind === 'folder');
    const path = join(elsewhere.context.path, 'my.dockerfile');
    const outside = await bench.target({ f: 'outside' }, { dockerfile: { kind: 'file', path } });
    const inline = await bench.target(
      { f: 'inline' },
      { dockerfile: { kind: 'inline', text: 'FROM scratch\nCOPY f /text\n' } },
    );
    const [first, second] = await Promise.all([bench.build(outside), bench.build(inline)]);
    assert.equal((await bench.files(first.image)).get('file')?.data, 'outside');
    assert.equal((await bench.files(second.image)).get('text')?.data, 'inline');
  });

  check('reads a folder by the name it was given', async (bench) => {
    const other = await bench.target({ 'lib.txt': 'library' });
    assert.ok(other.context.kind === 'folder');
    const target = await bench.target(
      { Dockerfile: 'FROM scratch\nCOPY --from=lib lib.txt /lib.txt\n' },
      { contexts: { lib: { kind: 'folder', path: other.context.path } } },
    );
    if ((await bench.builder.unsupported(target)).length > 0) return;
    const files = await bench.files((await bench.build(target)).image);
    assert.equal(files.get('lib.txt')?.data, 'library');
  });
}

function testBases(check: Check): void {
  check('builds upon an image of the store, and copies from one', async (bench) => {
    const base = await bench.target({
      Dockerfile: 'FROM scratch\nCOPY base.txt /base.txt\nENV FROM_BASE=1\n',
      'base.txt': 'base',
    });
    const { image: baseImage } = await bench.build(base);
    const name = 'registry.invalid/team/base:1';
    const target = await bench.target({
      Dockerfile: `FROM ${name}\nCOPY top.txt /top.txt\nCOPY --from=${name} /base.txt /copied.txt\n`,
      'top.txt': 'top',
    });
    const { image } = await bench.build(target, { bases: { [name]: baseImage } });
    const files = await bench.files(image);
    assert.equal(files.get('base.txt')?.data, 'base');
    assert.equal(files.get('top.txt')?.data, 'top');
    assert.equal(files.get('copied.txt')?.data, 'base');
    const env = (await bench.runtime(image))['Env'];
    assert.ok(Array.isArray(env) && env.includes('FROM_BASE=1'));
    const [below, above] = [await bench.load(baseImage), await bench.load(image)];
    assert.equal(
      above.manifest.layers[0]?.digest,
      below.manifest.layers[0]?.digest,
      'the layer of the base is the same blob',
    );
  });

  check('builds many at once from one base, each its own', async (bench) => {
    const noise = Buffer.alloc(200_000, 'noise ');
    const base = await bench.target({ Dockerfile: 'FROM scratch\nCOPY n /n\n', n: noise });
    const { image: baseImage } = await bench.build(base);
    const name = 'registry.invalid/shared:1';
    const built = await Promise.all(
      Array.from({ length: 6 }, async (_, number) => {
        const Dockerfile = `FROM ${name}\nCOPY own /own\n`;
        const target = await bench.target({ Dockerfile, own: `own ${number}` });
        return bench.build(target, { bases: { [name]: baseImage } });
      }),
    );
    for (const [number, { image }] of built.entries()) {
      const files = await bench.files(image);
      assert.equal(files.get('own')?.data, `own ${number}`);
      assert.equal(files.get('n')?.data?.length, noise.length);
    }
    const digests = new Set(built.map(({ image }) => image.digest));
    assert.equal(digests.size, built.length);
  });

  check('leaves no names in the store', async ({ store }) => {
    assert.deepEqual(await store.references(), []);
  });
}

function testFailures(check: Check): void {
  check('says at which step a build failed', async (bench) => {
    const target = await bench.target({
      Dockerfile: 'FROM scratch\nCOPY a /a\nCOPY missing.txt /b\n',
      a: 'a',
    });
    await assert.rejects(
      bench.build(target),
      buildFails('ERR_BUILD_FAILED', 'app', 'COPY missing.txt /b', 'missing.txt'),
    );
  });

  check('refuses a Dockerfile that is none, and goes on with others', async (bench) => {
    const bad = await bench.target({ Dockerfile: 'FROM scratch\nFROBNICATE all\n' });
    const good = await bench.target({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'good' });
    const [failed, built] = await Promise.allSettled([bench.build(bad), bench.build(good)]);
    assert.ok(failed.status === 'rejected');
    const { reason } = failed;
    assert.ok(isLongshoreError(reason), String(reason));
    assert.ok(['ERR_BUILD_FAILED', 'ERR_DOCKERFILE_INVALID'].includes(reason.code), reason.code);
    assert.match(reason.message, /FROBNICATE/i);
    assert.ok(built.status === 'fulfilled');
    assert.equal((await bench.files(built.value.image)).get('a')?.data, 'good');
  });

  check('does not begin what is called off already', async (bench) => {
    const target = await bench.target({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'a' });
    const reason = new Error('called off');
    await assert.rejects(bench.build(target, { signal: AbortSignal.abort(reason) }), reason);
  });

  check('says of every wish whether it can be fulfilled', async (bench) => {
    const plain = await bench.target({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'a' });
    const phrases = await bench.builder.unsupported({
      ...plain,
      attestations: [{ type: 'sbom' }],
      entitlements: ['security.insecure'],
      cacheFrom: [{ type: 'gha' }],
      platforms: [{ os: 'plan9', architecture: 'sparc64' }],
    });
    for (const phrase of phrases) assert.match(phrase, /^[^\n]*[^\n.]$/);
    assert.deepEqual(await bench.builder.unsupported(plain), []);
  });
}
