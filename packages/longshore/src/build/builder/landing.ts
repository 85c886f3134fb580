import { randomBytes } from 'node:crypto';
import { LongshoreError } from '../../errors.ts';
import { type Descriptor, MAX_MANIFEST_BYTES, parseManifest } from '../../image/index.ts';
import { createRegistryServer, type RegistryServer } from '../../serve/index.ts';
import type { Store } from '../../store/index.ts';
import type { BuiltImage } from '../target.ts';
import { LandingStore } from './landingStore.ts';

/** Where a builder pushes one image to. */
export interface LandingPlace {
  /** `127.0.0.1:41234/built:9f3c...` */
  readonly reference: string;
  /**
   * The image that was pushed there, all of whose blobs the store has.
   * @throws LongshoreError `ERR_BUILDER_GONE` when nothing was; what the store threw meanwhile
   */
  take(): Promise<BuiltImage>;
}

/**
 * A registry over the store, on loopback, that a builder pushes into and pulls bases from. Layers
 * that the store has are not sent at all, the others arrive verified; see ADR 19. Nobody without the
 * password can read or write, other users of the machine included.
 */
export class Landing implements AsyncDisposable {
  readonly user: string = 'longshore';
  readonly password: string;
  readonly #server: RegistryServer;
  readonly #names: LandingStore;
  readonly #view: Store;

  private constructor(server: RegistryServer, names: LandingStore, password: string) {
    this.#server = server;
    this.#names = names;
    this.#view = names.asStore();
    this.password = password;
  }

  /** @throws LongshoreError `ERR_SERVE_LISTEN` */
  static async open(store: Store): Promise<Landing> {
    const names = new LandingStore(store);
    const password = randomBytes(32).toString('base64url');
    const server = await createRegistryServer({
      store: names.asStore(),
      // A builder asks for a base layer in the repository that it pushes to.
      visibility: 'shared',
      auth: { kind: 'basic', users: { longshore: password } },
      logLimit: 100,
    });
    return new Landing(server, names, password);
  }

  /** `127.0.0.1:41234` */
  get host(): string {
    return this.#server.host;
  }

  /** Credentials as `auths` of Docker's and containers' configuration files have them. */
  get auth(): string {
    return Buffer.from(`${this.user}:${this.password}`).toString('base64');
  }

  /** Requests so far: a builder that cannot reach it makes none. */
  get requests(): number {
    return this.#server.stats.requests;
  }

  /**
   * A place that no other build has. All are in one repository: tools look for a layer first where
   * they have seen it before.
   */
  place(): LandingPlace {
    const tag = randomBytes(12).toString('hex');
    const name = `localhost/built:${tag}`;
    return {
      reference: `${this.host}/built:${tag}`,
      take: async () => {
        const found = await this.#view.getReference(name);
        if (found === undefined) throw this.#nothingCame();
        await this.#view.deleteReference(name);
        return await this.#complete(found);
      },
    };
  }

  /** Lets builders pull an image of the store. The same image has the same name each time. */
  async offer(image: Descriptor): Promise<string> {
    const repository = `base/${image.digest.replace(':', '-')}`;
    await this.#view.setReference(`localhost/${repository}:1`, image);
    return `${this.host}/${repository}:1`;
  }

  /** What the store could not take in lately: why a push to here failed. */
  takeFailure(): unknown {
    return this.#names.takeFailure();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }

  #nothingCame(): unknown {
    return (
      this.#names.takeFailure() ??
      new LongshoreError('The builder says that it is done, but no image arrived', {
        code: 'ERR_BUILDER_GONE',
        origin: 'builder',
        retryable: true,
        hint: 'Run again; if it stays so, see what the builder wrote to the log of this image',
      })
    );
  }

  async #complete(image: Descriptor): Promise<BuiltImage> {
    const { mediaType, digest, size } = image;
    const bytes = await this.#view.read(digest, MAX_MANIFEST_BYTES);
    const document = parseManifest(bytes, mediaType);
    const parts =
      document.kind === 'index' ? document.manifests : [document.config, ...document.layers];
    for (const part of parts) {
      if (await this.#view.has(part)) continue;
      // A prune that ran between the question for the blob and the manifest.
      throw new LongshoreError(`A blob of the image that was just built is gone: ${part.digest}`, {
        code: 'ERR_BUILDER_GONE',
        origin: 'store',
        retryable: true,
        hint: 'Run again, and no prune of this store at the same time',
      });
    }
    return { mediaType, digest, size };
  }
}

/** The landings of a builder: one for each store that builds go to. */
export class Landings implements AsyncDisposable {
  readonly #open = new Map<Store, Promise<Landing>>();

  of(store: Store): Promise<Landing> {
    const known = this.#open.get(store) ?? Landing.open(store);
    this.#open.set(store, known);
    return known;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = await Promise.allSettled(this.#open.values());
    this.#open.clear();
    for (const one of all) {
      if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
    }
  }
}
