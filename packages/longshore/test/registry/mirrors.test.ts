import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LongshoreError } from '../../src/errors.ts';
import { type Descriptor, digestOf, parseReference } from '../../src/image/index.ts';
import type {
  BlobStream,
  Registry,
  RegistryEvent,
  RepositoryAddress,
} from '../../src/registry/index.ts';
import { withMirrors } from '../../src/registry/mirrors.ts';

const DESCRIPTOR: Descriptor = { mediaType: 'a/b', digest: digestOf(Buffer.from('x')), size: 1 };
const REFERENCE = parseReference('debian:12');

/** A client whose hosts answer, or fail with a code; asked hosts are noted. */
function client(failing: Readonly<Record<string, string>>): {
  registry: Registry;
  asked: string[];
} {
  const asked: string[] = [];
  const answer = async <T>({ registry, repository }: RepositoryAddress, value: T): Promise<T> => {
    asked.push(`${registry}/${repository}`);
    const code = failing[registry];
    if (code === undefined) return value;
    throw new LongshoreError(`${registry} fails`, { code, origin: 'registry', retryable: true });
  };
  const registry: Registry = {
    resolve: (reference) => answer(reference, DESCRIPTOR),
    manifest: (where, descriptor) => answer(where, { descriptor, bytes: new Uint8Array() }),
    openBlob: (where) => answer(where, { origin: where.registry } as BlobStream),
    connectMs: () => undefined,
    ping: async () => undefined,
    close: async () => undefined,
  };
  return { registry, asked };
}

function mirrored(failing: Readonly<Record<string, string>> = {}): {
  registry: Registry;
  asked: string[];
  events: RegistryEvent[];
  tick: (ms: number) => void;
} {
  let now = 0;
  const events: RegistryEvent[] = [];
  const { registry, asked } = client(failing);
  const mirrors = new Map([
    ['docker.io', [{ registry: 'one.lab' }, { registry: 'two.lab', prefix: 'hub' }]],
  ]);
  const wrapped = withMirrors(registry, mirrors, {
    now: () => now,
    onEvent: (event) => events.push(event),
  });
  const tick = (ms: number): void => {
    now += ms;
  };
  return { registry: wrapped, asked, events, tick };
}

describe('mirrors', () => {
  test('are asked in their order, for every kind of request', async () => {
    const { registry, asked } = mirrored();
    await registry.resolve(REFERENCE);
    await registry.manifest(REFERENCE, DESCRIPTOR);
    const { origin } = await registry.openBlob(REFERENCE, DESCRIPTOR);
    assert.equal(origin, 'one.lab');
    assert.deepEqual(
      asked,
      Array.from({ length: 3 }, () => 'one.lab/library/debian'),
    );
  });
  test('give way to the next, with its prefix, and last to the registry itself', async () => {
    const { registry, asked, events } = mirrored({
      'one.lab': 'ERR_NETWORK',
      'two.lab': 'ERR_NOT_FOUND',
    });
    await registry.resolve(REFERENCE);
    assert.deepEqual(asked, [
      'one.lab/library/debian',
      'two.lab/hub/library/debian',
      'docker.io/library/debian',
    ]);
    assert.equal(events.filter(({ type }) => type === 'registry.warning').length, 2);
  });
  test('that failed are passed over for a while; those that only lack one thing are not', async () => {
    const { registry, asked, tick } = mirrored({
      'one.lab': 'ERR_RATE_LIMITED',
      'two.lab': 'ERR_NOT_FOUND',
    });
    await registry.resolve(REFERENCE);
    asked.length = 0;
    await registry.resolve(REFERENCE);
    assert.deepEqual(asked, ['two.lab/hub/library/debian', 'docker.io/library/debian']);
    asked.length = 0;
    tick(31_000);
    await registry.resolve(REFERENCE);
    assert.equal(asked[0], 'one.lab/library/debian');
  });
  test('leave errors to the registry itself', async () => {
    const failing = {
      'one.lab': 'ERR_NETWORK',
      'two.lab': 'ERR_NETWORK',
      'docker.io': 'ERR_DENIED',
    };
    await assert.rejects(mirrored(failing).registry.resolve(REFERENCE), { code: 'ERR_DENIED' });
  });
  test('are not asked for other registries, nor when the caller wants the source', async () => {
    const { registry, asked } = mirrored();
    await registry.resolve(parseReference('ghcr.io/a/b:1'));
    await registry.openBlob(REFERENCE, DESCRIPTOR, { mirrors: false });
    assert.deepEqual(asked, ['ghcr.io/a/b', 'docker.io/library/debian']);
  });
  test('end with the signal, without asking on', async () => {
    const { registry, asked } = mirrored({ 'one.lab': 'ERR_NETWORK' });
    await assert.rejects(registry.resolve(REFERENCE, { signal: AbortSignal.abort() }));
    assert.deepEqual(asked, ['one.lab/library/debian']);
  });
});
