import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Builder, BuildGraph, BuildRequest, BuiltImage } from '../../../src/build/index.ts';
import { LongshoreError } from '../../../src/errors.ts';
import {
  type Descriptor,
  MEDIA_TYPES,
  manifestBlobs,
  parseManifest,
} from '../../../src/image/index.ts';
import { createRegistry } from '../../../src/registry/index.ts';
import {
  type BulkOptions,
  createRun,
  type RunEvent,
  type RunPlan,
  type RunResult,
  readRun,
  runBulk,
} from '../../../src/run/index.ts';
import {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
} from '../../../src/serve/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import { targetIn } from '../../build/target.ts';

/** A store, a registry and a builder that makes an image of one layer for each target. */
export interface Dock extends AsyncDisposable {
  readonly store: Store;
  readonly remote: Store;
  readonly server: RegistryServer;
  readonly builder: ScriptedBuilder;
  readonly events: RunEvent[];
  /** Starts a run of these targets; `app<base` is built from `base`. */
  plan(targets: readonly string[], more?: Partial<RunPlan>): Promise<string>;
  /** Carries the run out, or takes it up again. */
  run(id: string, more?: Partial<BulkOptions>): Promise<RunResult>;
}

export async function dock(options: Partial<RegistryServerOptions> = {}): Promise<Dock> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-run-'));
  const store = await openStore(join(folder, 'store'));
  const remote = await openStore(join(folder, 'remote'));
  const server = await createRegistryServer({ ...options, store: remote });
  const registry = createRegistry({ retry: { baseDelayMs: 5, maxDelayMs: 20 } });
  const builder = new ScriptedBuilder();
  const events: RunEvent[] = [];
  let runs = 0;
  return {
    store,
    remote,
    server,
    builder,
    events,
    async plan(targets, more) {
      runs += 1;
      const id = `20260101-000000-${String(runs).padStart(4, '0')}`;
      const plan: RunPlan = {
        version: 1,
        id,
        createdAt: '2026-01-01T00:00:00.000Z',
        command: ['build'],
        workingDirectory: folder,
        graph: graphOf(targets, server.host),
        push: true,
        publish: 'each',
        builder: 'assemble',
        settings: {},
        ...more,
      };
      await createRun(store.path, plan);
      return id;
    },
    async run(id, more) {
      const stored = await readRun(store.path, id);
      const result = await runBulk(stored, {
        store,
        builder,
        builders: 2,
        ...(stored.plan.push ? { push: { registry, pushers: 2 } } : {}),
        onEvent: (event) => events.push(event),
        ...more,
      });
      await server.idle();
      return result;
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await server.close();
      await store.close();
      await remote.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A graph from `name` and `name<base`, bases before what is built from them. */
export function graphOf(targets: readonly string[], host: string): BuildGraph {
  const pairs = targets.map((text) => text.split('<'));
  return {
    targets: pairs.map(([name = '']) =>
      targetIn('/', {
        name,
        place: { file: 'test' },
        dockerfile: { kind: 'inline', text: '' },
        tags: [`${host}/${name}:1`],
      }),
    ),
    edges: pairs.flatMap(([from = '', to]) =>
      to === undefined ? [] : [{ from, to, reference: `${host}/${to}:1` }],
    ),
    warnings: [],
  };
}

/** Builds as the test says: fails, hangs until it is aborted, or breaks a number of times. */
export class ScriptedBuilder implements Builder {
  readonly name = 'assemble';
  readonly version = 'scripted 1';
  readonly built: string[] = [];
  readonly failing: Set<string> = new Set();
  readonly hanging: Set<string> = new Set();
  /** How often a target's builder still breaks for no fault of the target. */
  readonly breaking: Map<string, number> = new Map();
  layerBytes = 1000;
  running = 0;
  mostRunning = 0;
  /** Called when a build begins. */
  onBuild: (target: string) => void = () => undefined;

  unsupported(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  async build(request: BuildRequest): Promise<BuiltImage> {
    const { name } = request.target;
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      this.onBuild(name);
      request.onStep({ name: `RUN ${name}`, number: 1, total: 1 });
      request.onLog(`output of ${name}`);
      if (this.hanging.has(name)) await aborted(request.signal);
      if (this.failing.has(name)) {
        throw new LongshoreError(`RUN ${name} failed`, {
          code: 'ERR_BUILD_FAILED',
          origin: 'builder',
        });
      }
      const breaks = this.breaking.get(name) ?? 0;
      if (breaks > 0) {
        this.breaking.set(name, breaks - 1);
        throw new LongshoreError('The daemon is gone', {
          code: 'ERR_BUILDER_GONE',
          origin: 'builder',
          retryable: true,
        });
      }
      const image = await this.#assemble(request);
      this.built.push(name);
      return image;
    } finally {
      this.running -= 1;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #assemble({ target, store, bases }: BuildRequest): Promise<BuiltImage> {
    const below: Descriptor[] = [];
    for (const { digest, mediaType } of bases.values()) {
      const manifest = parseManifest(await store.read(digest, 1e6), mediaType);
      if (manifest.kind === 'manifest') below.push(...manifest.layers);
    }
    const text = `${target.name} `.repeat(this.layerBytes).slice(0, this.layerBytes);
    const layer = await store.put('application/vnd.oci.image.layer.v1.tar', Buffer.from(text));
    const config = await store.put(
      'application/vnd.oci.image.config.v1+json',
      Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', built: target.name })),
    );
    const document = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config,
      layers: [...below, layer],
    };
    return store.put(MEDIA_TYPES.ociManifest, Buffer.from(JSON.stringify(document)));
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(signal.reason);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
}

/** Whether a registry's store holds the image under this name, with everything that it needs. */
export async function holdsWhole(remote: Store, name: string): Promise<boolean> {
  const root = await remote.getReference(name);
  if (root === undefined) return false;
  const manifest = parseManifest(await remote.read(root.digest, 1e6), root.mediaType);
  if (manifest.kind !== 'manifest') return false;
  const held = await Promise.all(manifestBlobs(manifest).map((blob) => remote.has(blob)));
  return held.every(Boolean);
}
