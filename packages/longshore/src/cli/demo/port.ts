import { createRegistry, type Registry, type RegistryEvent } from '../../registry/index.ts';
import {
  createRegistryServer,
  type Faults,
  type RegistryServer,
  seedImage,
} from '../../serve/index.ts';
import type { Store } from '../../store/index.ts';

const MB = 1_000_000;

/** Two bases that many images share, and a layer of their own for each. */
export const DEMO_IMAGES: readonly string[] = Array.from(
  { length: 12 },
  (_, i) => `demo/app${i + 1}:1.0`,
);
const BASES = [
  [
    { size: 20 * MB, seed: 'base a' },
    { size: 6 * MB, seed: 'runtime a' },
  ],
  [{ size: 14 * MB, seed: 'base b' }],
];
const OWN_BYTES = 2.5 * MB;

/** What every connection gets: some way off, and slower than the machine. */
const FAR_AWAY: Faults = {
  rules: [
    { on: { kind: ['blob', 'manifest'] }, latencyMs: 15 },
    { on: { kind: 'blob' }, bytesPerSecond: 12 * MB },
  ],
};

/** The same on a bad day: connections that break, bodies that stop, a server that has had enough. */
const BAD_DAY: Faults = {
  rules: [
    ...(FAR_AWAY.rules ?? []),
    { on: { kind: 'blob', every: 5 }, resetAt: 1.5 * MB },
    { on: { kind: 'blob', every: 7 }, status: 429, retryAfter: '0.2' },
    { on: { kind: 'manifest', every: 9 }, status: 503 },
  ],
};

/** A registry on this machine, with images that it has made itself. */
export class DemoPort implements AsyncDisposable {
  readonly #server: RegistryServer;

  private constructor(server: RegistryServer) {
    this.#server = server;
  }

  static async open(store: Store): Promise<DemoPort> {
    for (const [i, name] of DEMO_IMAGES.entries()) {
      const base = BASES[i % BASES.length] ?? [];
      const own = { size: OWN_BYTES, seed: name };
      await seedImage(store, { name: `localhost/${name}`, layers: [...base, own] });
    }
    return new DemoPort(await createRegistryServer({ store, faults: FAR_AWAY }));
  }

  get host(): string {
    return this.#server.host;
  }

  get references(): readonly string[] {
    return DEMO_IMAGES.map((name) => `${this.host}/${name}`);
  }

  /** Bytes of layers and configs that went out since the last {@link DemoPort.setWeather}. */
  get bytesServed(): number {
    return this.#server.stats.bytesServed;
  }

  setWeather(weather: 'fair' | 'bad'): void {
    this.#server.faults = weather === 'bad' ? BAD_DAY : FAR_AWAY;
    this.#server.stats.reset();
  }

  client(onEvent: (event: RegistryEvent) => void): Registry {
    return createRegistry({ onEvent });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}
