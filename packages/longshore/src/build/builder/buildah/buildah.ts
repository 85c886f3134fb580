import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, LongshoreError } from '../../../errors.ts';
import type { Platform } from '../../../image/index.ts';
import type { Builder, BuildRequest, BuildStep } from '../../builder.ts';
import type { BuildTarget, BuiltImage } from '../../target.ts';
import { readDockerfileFacts } from '../dockerfileFacts.ts';
import { builderGone, buildFailed } from '../failure.ts';
import { findProgram } from '../findProgram.ts';
import { type Landing, type LandingPlace, Landings } from '../landing.ts';
import { OnceEach } from '../onceEach.ts';
import type { BuilderOptions } from '../options.ts';
import { LastLines } from '../outputLines.ts';
import { placeDockerfile } from '../placeDockerfile.ts';
import { buildEachPlatform } from '../platforms.ts';
import { type ProgramEnd, runProgram } from '../program.ts';
import { makeTemporaryFolder } from '../temporaryFolder.ts';
import { buildahArguments } from './arguments.ts';
import { type BuildahConfiguration, loopbackHosts, writeConfiguration } from './configuration.ts';
import { imagesAskedFor } from './images.ts';
import { unlessKnown } from './known.ts';
import { parseStep, reasonOf, storedImage } from './output.ts';
import { buildahCannot } from './wishes.ts';

/**
 * Builds with the `buildah` that is installed here: no daemon, no root, so the builder of clusters.
 * @throws LongshoreError `ERR_BUILDER_GONE` when it is not installed or does not start
 */
export async function openBuildah(options: BuilderOptions): Promise<Builder> {
  const path = await findProgram('buildah', options.environment);
  if (path === undefined) throw notInstalled();
  const version = await readVersion(path, options);
  const folder = await makeTemporaryFolder(options.temporaryFolder, 'longshore-buildah-');
  return new Buildah({ path, version, folder, options, isolation: await chooseIsolation(options) });
}

interface BuildahParts {
  readonly path: string;
  readonly version: string;
  /** For its own small files; removed at the end. */
  readonly folder: string;
  readonly options: BuilderOptions;
  readonly isolation: string | undefined;
}

class Buildah implements Builder {
  readonly name = 'buildah';
  readonly version: string;
  readonly #parts: BuildahParts;
  readonly #landings = new Landings();
  /** Images of the store that buildah has in its own storage by now, by their name at the landing. */
  readonly #pulled = new OnceEach();

  readonly #imageIds = new Map<string, string>();

  constructor(parts: BuildahParts) {
    this.#parts = parts;
    this.version = `buildah ${parts.version}`;
  }

  unsupported(target: BuildTarget): Promise<readonly string[]> {
    return buildahCannot(target, this.#parts.version);
  }

  async build(request: BuildRequest): Promise<BuiltImage> {
    request.signal.throwIfAborted();
    const landing = await this.#landings.of(request.store);
    const folder = await mkdtemp(join(this.#parts.folder, 'build-'));
    try {
      const configuration = await this.#configure(request, landing, folder);
      const bases = await this.#bringBases(request, landing, configuration);
      const run = { folder, landing, configuration, bases };
      const made = {
        by: [this.version, this.#parts.isolation ?? ''],
        idOf: async (name: string) =>
          request.bases.get(name)?.digest ?? (await this.#imageId(name, request.signal)),
      };
      return await unlessKnown(request, made, async () => {
        const dockerfile = await placeDockerfile(request.target, folder);
        return await buildEachPlatform(request.target.platforms, request.store, (platform) =>
          this.#run(request, { ...run, dockerfile, platform }),
        );
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forgetBases();
    await this.#landings[Symbol.asyncDispose]();
    await rm(this.#parts.folder, { recursive: true, force: true });
  }

  async #configure(
    { target, bases }: BuildRequest,
    landing: Landing,
    folder: string,
  ): Promise<BuildahConfiguration> {
    const { text } = await readDockerfileFacts(target);
    const images = Object.values(target.contexts).map((from) =>
      from.kind === 'image' ? `${from.reference}/` : '',
    );
    const caches = [...target.cacheFrom, ...target.cacheTo].map((entry) => entry['ref'] ?? '');
    const mentioned = loopbackHosts(text, ...Object.values(target.args), ...images, ...caches);
    return writeConfiguration({
      folder,
      environment: this.#parts.options.environment,
      auths: new Map([[landing.host, landing.auth]]),
      plainHosts: new Set([landing.host, ...mentioned]),
      images: imagesAskedFor({ target, bases }, text),
    });
  }

  /** What buildah has in its storage under a name; it is asked once, as it fetches nothing newer. */
  async #imageId(name: string, signal: AbortSignal): Promise<string | undefined> {
    const asked = this.#imageIds.get(name);
    if (asked !== undefined) return asked;
    const { path, options } = this.#parts;
    const lines: string[] = [];
    const end = await runProgram({
      path,
      args: [
        ...storageArguments(options),
        'inspect',
        '--type=image',
        '--format={{.FromImageID}}',
        name,
      ],
      env: options.environment,
      signal,
      onLine: (line) => lines.push(line),
    });
    const isThere = end.kind === 'exit' && end.code === 0;
    const id = isThere ? lines.find((line) => /^[0-9a-f]{64}$/.test(line)) : undefined;
    if (id !== undefined) this.#imageIds.set(name, id);
    return id;
  }

  /** Each base is brought into buildah's storage once, however many builds wait for it. */
  async #bringBases(
    request: BuildRequest,
    landing: Landing,
    configuration: BuildahConfiguration,
  ): Promise<ReadonlyMap<string, string>> {
    const bases = new Map<string, string>();
    for (const [name, image] of request.bases) {
      const reference = await landing.offer(image);
      bases.set(name, reference);
      await this.#pulled.run(
        reference,
        (shared) => this.#pull(reference, configuration, shared),
        request.signal,
      );
    }
    return bases;
  }

  async #pull(
    reference: string,
    configuration: BuildahConfiguration,
    signal: AbortSignal,
  ): Promise<void> {
    const { authFile } = configuration;
    const lines = new LastLines();
    const end = await this.#spawn({
      args: ['pull', '--quiet', `--authfile=${authFile}`, `docker://${reference}`],
      configuration,
      signal,
      onLine: (line) => lines.push(line),
    });
    if (end.kind === 'exit' && end.code === 0) return;
    throw builderGone(
      this.version,
      `could not take in a base: ${reasonOf(lines.lines) ?? 'it died'}`,
    );
  }

  async #run(request: BuildRequest, run: BuildRun): Promise<BuiltImage> {
    const { target, onLog, onStep, signal } = request;
    const { landing, configuration } = run;
    const place = landing.place();
    // With an image that goes to a registry at once, buildah 1.28 fails to send its cache.
    const idFile = target.cacheTo.length > 0 ? join(run.folder, randomUUID()) : undefined;
    const push = { landing, configuration, signal };
    const lines = new LastLines();
    let step: BuildStep | undefined;
    const end = await this.#spawn({
      args: buildahArguments({
        ...run,
        target,
        authFile: configuration.authFile,
        destination: idFile === undefined ? place.reference : undefined,
        idFile,
        isolation: this.#parts.isolation,
      }),
      configuration,
      signal,
      onLine: (line) => {
        lines.push(line);
        onLog(line);
        const begun = parseStep(line);
        if (begun === undefined) return;
        step = begun;
        onStep(begun);
      },
    });
    if (end.kind === 'exit' && end.code === 0) {
      if (idFile !== undefined) {
        const image = await readFile(idFile, 'utf8');
        await this.#push(image.trim().replace(/^sha256:/, ''), place, push);
      }
      return await place.take();
    }
    const failure = landing.takeFailure();
    const stored = failure === undefined ? storedImage(lines.lines, landing.host) : undefined;
    if (stored === undefined) {
      throw failure ?? this.#failure(target, end, { step, lines: lines.lines });
    }
    await this.#push(stored, place, push);
    return await place.take();
  }

  async #push(
    image: string,
    place: LandingPlace,
    push: Pick<BuildRun, 'landing' | 'configuration'> & Pick<BuildRequest, 'signal'>,
  ): Promise<void> {
    const { landing, configuration, signal } = push;
    const lines = new LastLines();
    const flags = ['--quiet', '--format=oci', `--authfile=${configuration.authFile}`];
    const end = await this.#spawn({
      args: ['push', ...flags, image, `docker://${place.reference}`],
      configuration,
      signal,
      onLine: (line) => lines.push(line),
    });
    if (end.kind === 'exit' && end.code === 0) return;
    const reason = reasonOf(lines.lines) ?? 'it died';
    const failure = landing.takeFailure();
    throw failure ?? builderGone(this.version, `could not hand over the image: ${reason}`);
  }

  #failure(
    target: BuildTarget,
    end: ProgramEnd,
    said: { readonly step: BuildStep | undefined; readonly lines: readonly string[] },
  ): LongshoreError {
    if (end.kind === 'signal') {
      return builderGone(this.version, `was ended by ${end.signal} while it built ${target.name}`);
    }
    const reason = reasonOf(said.lines) ?? `buildah ended with code ${end.code}`;
    return buildFailed({ target: target.name, reason, ...said });
  }

  async #spawn(call: {
    readonly args: readonly string[];
    readonly configuration: BuildahConfiguration;
    readonly signal: AbortSignal;
    readonly onLine: (line: string) => void;
  }): Promise<ProgramEnd> {
    const { path, options } = this.#parts;
    try {
      return await runProgram({
        path,
        args: [
          ...storageArguments(options),
          `--registries-conf=${call.configuration.registriesFile}`,
          ...call.args,
        ],
        env: options.environment,
        signal: call.signal,
        onLine: call.onLine,
      });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      throw builderGone(this.version, 'could not be started', error);
    }
  }

  /** What was brought in for builds goes; layers that its cache builds upon stay. */
  async #forgetBases(): Promise<void> {
    const { path, options } = this.#parts;
    const { done } = this.#pulled;
    if (done.size === 0) return;
    await runProgram({
      path,
      args: [...storageArguments(options), 'rmi', ...done],
      env: options.environment,
      signal: AbortSignal.timeout(FORGET_TIMEOUT_MS),
      onLine: () => {},
      // Left behind they cost disk space, and nothing else.
    }).catch(() => undefined);
  }
}

const FORGET_TIMEOUT_MS = 30_000;

interface BuildRun {
  readonly folder: string;
  readonly landing: Landing;
  readonly configuration: BuildahConfiguration;
  readonly bases: ReadonlyMap<string, string>;
  readonly dockerfile: string;
  readonly platform: Platform | undefined;
}

function storageArguments({ buildah = {} }: BuilderOptions): readonly string[] {
  const { root, runRoot, storageDriver } = buildah;
  return [
    ...(root === undefined ? [] : [`--root=${root}`]),
    ...(runRoot === undefined ? [] : [`--runroot=${runRoot}`]),
    ...(storageDriver === undefined ? [] : [`--storage-driver=${storageDriver}`]),
  ];
}

async function chooseIsolation(options: BuilderOptions): Promise<string | undefined> {
  const { environment, buildah } = options;
  if (buildah?.isolation !== undefined) return buildah.isolation;
  if (environment['BUILDAH_ISOLATION'] !== undefined) return undefined;
  const runtimes = ['runc', 'crun'].map((name) => findProgram(name, environment));
  const found = (await Promise.all(runtimes)).some((path) => path !== undefined);
  return found ? undefined : 'chroot';
}

async function readVersion(path: string, options: BuilderOptions): Promise<string> {
  const lines = new LastLines();
  const signal = AbortSignal.timeout(VERSION_TIMEOUT_MS);
  const { environment } = options;
  try {
    const onLine = (line: string): void => lines.push(line);
    await runProgram({ path, args: ['--version'], env: environment, signal, onLine });
  } catch (error) {
    throw builderGone(path, 'does not start', error);
  }
  const version = /version (\S+)/.exec(lines.lines.join('\n'))?.[1];
  if (version === undefined) throw builderGone(path, 'does not say which version it is');
  return version;
}

const VERSION_TIMEOUT_MS = 15_000;

function notInstalled(): LongshoreError {
  return new LongshoreError('buildah is not installed here', {
    code: 'ERR_BUILDER_GONE',
    origin: 'builder',
    hint: 'Install buildah (a package of all distributions), or choose another builder with --builder',
  });
}
