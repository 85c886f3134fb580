import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LongshoreError } from '../../src/errors.ts';
import { type Descriptor, digestOf, parseReference } from '../../src/image/index.ts';
import { RegistryError } from '../../src/registry/errors.ts';
import type {
  BlobStream,
  Registry,
  RegistryEvent,
  RepositoryAddress,
} from '../../src/registry/index.ts';
import { withMirrors } from '../../src/registry/mirrors.ts';

const DESCRIPTOR: Descriptor = { mediaType: 'a/b', digest: digestOf(Buffer.from('x')), size: 1 };
const REFERENCE = parseReference('debian:12');

/** Its body breaks where the host is called so. */
function streamOf(host: string): BlobStream {
  const broken = new RegistryError(`${host} broke`, {
    code: 'ERR_BODY_TRUNCATED',
    retryable: true,
  });
  return {
    origin: host,
    start: 0,
    end: 1,
    ranged: false,
    via: 'direct',
    cancel: () => undefined,
    consume: async (onChunk) => {
      await onChunk(new Uint8Array(1));
      if (host.startsWith('breaks.')) throw broken;
    },
  };
}

/** A client whose hosts answer, or fail with a code; asked hosts are noted. */
function client(failing: Readonly<Record<string, string>>): {
  registry: Registry;
  asked: string[];
  once: string[];
} {
  const asked: string[] = [];
  /** Asked without retries. */
  const once: string[] = [];
  const note = ({ registry }: RepositoryAddress, retry: boolean | undefined): void => {
    if (retry === false) once.push(registry);
  };
  const answer = async <T>({ registry, repository }: RepositoryAddress, value: T): Promise<T> => {
    asked.push(`${registry}/${repository}`);
    const code = failing[registry];
    if (code === undefined) return value;
    throw new LongshoreError(`${registry} fails`, { code, origin: 'registry', retryable: true });
  };
  const registry: Registry = {
    resolve: (reference, options) => {
      note(reference, options?.retry);
      return answer(reference, DESCRIPTOR);
    },
    manifest: (where, descriptor, options) => {
      note(where, options?.retry);
      return answer(where, { descriptor, bytes: new Uint8Array() });
    },
    openBlob: (where, _descriptor, request) => {
      note(where, request?.retry);
      return answer(where, streamOf(where.registry));
    },
    connectMs: () => undefined,
    ping: async () => undefined,
    close: async () => undefined,
  };
  return { registry, asked, once };
}

function mirrored(
  failing: Readonly<Record<string, string>> = {},
  one = 'one.lab',
): {
  registry: Registry;
  asked: string[];
  once: string[];
  events: RegistryEvent[];
  tick: (ms: number) => void;
} {
  let now = 0;
  const events: RegistryEvent[] = [];
  const { registry, asked, once } = client(failing);
  const mirrors = new Map([
    ['docker.io', [{ registry: one }, { registry: 'two.lab', prefix: 'hub' }]],
  ]);
  const wrapped = withMirrors(registry, mirrors, {
    now: () => now,
    onEvent: (event) => events.push(event),
  });
  const tick = (ms: number): void => {
    now += ms;
  };
  return { registry: wrapped, asked, once, events, tick };
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
  test('are asked once for each thing, the registry itself as often as it takes', async () => {
    const { registry, once } = mirrored({ 'one.lab': 'ERR_RATE_LIMITED' });
    await registry.resolve(REFERENCE);
    await registry.manifest(REFERENCE, DESCRIPTOR);
    await registry.openBlob(REFERENCE, DESCRIPTOR);
    assert.deepEqual(once, ['one.lab', 'two.lab', 'two.lab', 'two.lab']);
    const failing = { 'one.lab': 'ERR_NETWORK', 'two.lab': 'ERR_NETWORK' };
    const both = mirrored(failing);
    await both.registry.resolve(REFERENCE);
    assert.deepEqual(both.once, ['one.lab', 'two.lab']);
  });
  test('whose bodies break three times in a row are passed over', async () => {
    const { registry, events, tick } = mirrored({}, 'breaks.lab');
    const fetch = async (onChunk: () => undefined = () => undefined): Promise<string> => {
      const stream = await registry.openBlob(REFERENCE, DESCRIPTOR);
      await stream.consume(onChunk).catch(() => undefined);
      return stream.origin;
    };
    for (let count = 0; count < 3; count += 1) assert.equal(await fetch(), 'breaks.lab');
    assert.equal(await fetch(), 'two.lab');
    assert.equal(events.length, 1);
    tick(31_000);
    const enough = (): undefined => {
      throw new Error('enough');
    };
    for (let count = 0; count < 9; count += 1) assert.equal(await fetch(enough), 'breaks.lab');
  });
});
