import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { diagnose, type Facts } from '../../src/doctor/index.ts';

const GIB: number = 2 ** 30;
const FINE: Facts = {
  machine: {
    cpus: 8,
    cpuLimit: undefined,
    memoryBytes: 16 * GIB,
    memoryLimitBytes: undefined,
    openFiles: { soft: 4096, hard: 4096 },
    temporary: { path: '/tmp', freeBytes: 50 * GIB },
  },
  store: {
    path: '/store',
    exists: true,
    refusal: undefined,
    fileSystem: 'ext4',
    freeBytes: 100 * GIB,
    freeInodes: 1_000_000,
    hardLinks: true,
    syncMs: 2,
  },
  builders: {
    engine: {
      client: false,
      silence: undefined,
      version: undefined,
      storageDriver: undefined,
      containerdStore: false,
      maxConcurrentUploads: undefined,
    },
    buildx: undefined,
    maxParallelism: undefined,
    buildah: '1.28.2',
    rootlessObstacle: undefined,
  },
  registry: undefined,
};
const REGISTRY: NonNullable<Facts['registry']> = {
  registry: 'registry.lab',
  profile: undefined,
  refusal: undefined,
  blobOrigin: 'https://registry.lab:443',
  ranges: true,
  quota: undefined,
  ceiling: undefined,
  write: undefined,
};

function advice(facts: Facts): string[] {
  return diagnose(facts)
    .findings.filter(({ level }) => level !== 'good')
    .map(({ text }) => text);
}

test('a machine on which all is well gets no advice, and its CPUs are what is narrowest', () => {
  const facts = { ...FINE, registry: REGISTRY };
  assert.deepEqual(advice(facts), []);
  const { narrowest, canStart } = diagnose(facts);
  assert.deepEqual(narrowest?.gate, { stage: 'build', width: 8 });
  assert.equal(canStart, true);
});

test('the narrowest gate is named with what to change', () => {
  const { machine, builders } = FINE;
  const limited = { ...FINE, machine: { ...machine, cpuLimit: 2.5 } };
  assert.deepEqual(diagnose(limited).narrowest?.gate, { stage: 'build', width: 2 });
  assert.match(diagnose(limited).narrowest?.change ?? '', /CPU limit/);
  const few = { ...machine, openFiles: { soft: 80, hard: 1024 } };
  assert.deepEqual(diagnose({ ...FINE, machine: few }).narrowest?.gate, {
    stage: 'pull',
    width: 4,
  });
  assert.match(diagnose({ ...FINE, machine: few }).narrowest?.change ?? '', /ulimit -n 1024/);
  const serial = { ...builders, buildx: '0.31.0', maxParallelism: 1 };
  assert.match(diagnose({ ...FINE, builders: serial }).narrowest?.change ?? '', /buildkitd.toml/);
  const choked = { ...FINE, registry: { ...REGISTRY, ceiling: 3 } };
  assert.deepEqual(diagnose(choked).narrowest?.gate, { stage: 'push', width: 3 });
});

test('what stops everything comes first, however narrow the rest is', () => {
  const store = { ...FINE.store, refusal: 'EROFS' };
  const machine = { ...FINE.machine, cpuLimit: 1 };
  const { narrowest, canStart } = diagnose({ ...FINE, machine, store });
  assert.equal(canStart, false);
  assert.match(narrowest?.text ?? '', /\/store: EROFS/);
  assert.match(narrowest?.change ?? '', /--store/);
  const full = { ...FINE.store, freeBytes: 1000 };
  assert.equal(diagnose({ ...FINE, store: full }).canStart, false);
});

test('an engine is told by what its store does to docker push', () => {
  const engine = { ...FINE.builders.engine, client: true, storageDriver: 'overlay2' };
  const says = (more: Partial<typeof engine>): string =>
    advice({
      ...FINE,
      builders: { ...FINE.builders, buildx: '1', engine: { ...engine, ...more } },
    }).join('\n');
  assert.match(says({ version: '20.10.24' }), /5 layers at once by default/);
  assert.match(says({ version: '20.10.24', maxConcurrentUploads: 9 }), /9 layers at once by its/);
  assert.match(says({ version: '29.6.2', containerdStore: true }), /every layer of every image/);
  assert.match(says({ version: '29.7.0', containerdStore: true }), /5 layers at once/);
  assert.match(says({ silence: 'Cannot connect' }), /does not answer: Cannot connect/);
});

test('a registry is told by what it answered', () => {
  const says = (more: Partial<typeof REGISTRY>): string =>
    advice({ ...FINE, registry: { ...REGISTRY, ...more } }).join('\n');
  assert.match(says({ ranges: false }), /ignores ranges/);
  assert.match(says({ blobOrigin: 'http://registry.lab:80' }), /plain HTTP/);
  const quota = { limit: 100, remaining: 7, windowSeconds: 21_600 };
  assert.match(says({ quota }), /7 of 100 pulls left/);
  const write = { repository: 'registry.lab/x', refusal: undefined, chunks: false, mounts: false };
  assert.match(says({ write }), /chunks[^]*declines mounts/);
});

test('whatever the facts are, a blocker is what stops, and each piece of advice says what to do', () => {
  const anyFacts = fc.record({
    machine: fc.record({
      cpus: fc.integer({ min: 1, max: 512 }),
      cpuLimit: fc.option(fc.double({ min: 0.01, max: 600, noNaN: true }), { nil: undefined }),
      memoryBytes: fc.integer({ min: 1, max: 2 ** 45 }),
      memoryLimitBytes: fc.option(fc.integer({ min: 1, max: 2 ** 45 }), { nil: undefined }),
      openFiles: fc.option(fc.record({ soft: fc.nat(), hard: fc.nat() }), { nil: undefined }),
      temporary: fc.option(fc.record({ path: fc.constant('/tmp'), freeBytes: fc.nat() }), {
        nil: undefined,
      }),
    }),
    store: fc.record({
      path: fc.constant('/store'),
      exists: fc.boolean(),
      refusal: fc.option(fc.constant('EACCES'), { nil: undefined }),
      fileSystem: fc.option(fc.constantFrom('ext4', 'nfs', 'tmpfs'), { nil: undefined }),
      freeBytes: fc.option(fc.nat(), { nil: undefined }),
      freeInodes: fc.option(fc.nat(), { nil: undefined }),
      hardLinks: fc.option(fc.boolean(), { nil: undefined }),
      syncMs: fc.option(fc.double({ min: 0, max: 1e4, noNaN: true }), { nil: undefined }),
    }),
  });
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const { findings, narrowest, canStart } = diagnose({ ...FINE, ...facts });
      const blockers = findings.filter(({ level }) => level === 'blocker');
      assert.equal(canStart, blockers.length === 0);
      if (!canStart) assert.equal(narrowest, blockers[0]);
      for (const { level, change, gate, text } of findings) {
        if (level === 'advice') assert.ok(change !== undefined, text);
        if (gate !== undefined) assert.ok(Number.isInteger(gate.width) && gate.width >= 1);
        assert.doesNotMatch(text, /undefined|NaN/);
      }
    }),
  );
});
