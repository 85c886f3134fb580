import { access, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, LongshoreError } from '../../../errors.ts';
import { isDigest } from '../../../image/index.ts';
import type { Store } from '../../../store/index.ts';
import type { Builder, BuildRequest, BuildStep } from '../../builder.ts';
import type { BuildTarget, BuiltImage } from '../../target.ts';
import { configFolder } from '../engine/endpoint.ts';
import { usesContainerdStore } from '../engine/engine.ts';
import { builderGone, buildFailed } from '../failure.ts';
import { findProgram } from '../findProgram.ts';
import { isObject, readJsonObject } from '../json.ts';
import type { BuilderOptions } from '../options.ts';
import { LastLines } from '../outputLines.ts';
import { placeDockerfile } from '../placeDockerfile.ts';
import { type ProgramEnd, runProgram } from '../program.ts';
import { makeTemporaryFolder } from '../temporaryFolder.ts';
import { buildxArguments } from './arguments.ts';
import { SharedLayouts } from './layout.ts';
import { BuildxProgress, reasonOf } from './progress.ts';
import { type BuildxInstance, buildxCannot, parseInspect } from './wishes.ts';

/**
 * Builds with BuildKit through Docker's buildx, wherever its builder instance is.
 * @throws LongshoreError `ERR_BUILDER_GONE` when there is no buildx, no instance, or one that cannot
 *   hand images over
 */
export async function openBuildx(options: BuilderOptions): Promise<Builder> {
  const path = await findBuildx(options);
  if (path === undefined) throw unusable('buildx is not installed here');
  const version = await say(path, ['version'], options);
  const name = options.buildx?.instance;
  const instance = parseInspect(
    await say(path, ['inspect', ...(name === undefined ? [] : [name])], options),
  );
  const called = name === undefined ? 'the current one' : name;
  if (instance.driver === '') throw unusable(`buildx has no builder instance (${called})`);
  if (instance.error !== undefined) {
    throw unusable(`the instance of buildx (${called}) does not answer: ${instance.error}`);
  }
  if (instance.driver === 'docker' && !(await usesContainerdStore(options))) {
    throw unusable(
      `the instance of buildx (${called}) is the Docker Engine, whose image store cannot export OCI`,
    );
  }
  const folder = await makeTemporaryFolder(options.temporaryFolder, 'longshore-buildx-');
  const shown = /v?(\d[\w.+-]*)/.exec(version.replace(/^\S+ /, ''))?.[1] ?? 'of unknown version';
  return new Buildx({ path, version: shown, instance, folder, options });
}

interface BuildxParts {
  readonly path: string;
  readonly version: string;
  readonly instance: BuildxInstance;
  /** For layouts and small files; removed at the end. */
  readonly folder: string;
  readonly options: BuilderOptions;
}

class Buildx implements Builder {
  readonly name = 'buildx';
  readonly version: string;
  readonly #parts: BuildxParts;
  readonly #layouts = new Map<Store, SharedLayouts>();

  constructor(parts: BuildxParts) {
    this.#parts = parts;
    this.version = `buildx ${parts.version}`;
  }

  unsupported(target: BuildTarget): Promise<readonly string[]> {
    return buildxCannot(target, this.#parts.instance);
  }

  async build(request: BuildRequest): Promise<BuiltImage> {
    const { target, store, signal } = request;
    signal.throwIfAborted();
    const layouts = this.#layoutsOf(store);
    const folder = await mkdtemp(join(this.#parts.folder, 'build-'));
    try {
      const output = join(folder, 'image');
      await layouts.make(output);
      const bases = new Map<string, string>();
      for (const [name, image] of request.bases) bases.set(name, await layouts.offer(image));
      const metadataFile = join(folder, 'metadata.json');
      const dockerfile = await placeDockerfile(target, folder);
      const instance = this.#parts.options.buildx?.instance;
      const call = { target, instance, bases, dockerfile, output, metadataFile };
      await this.#run(request, buildxArguments(call));
      const image = await readDescriptor(metadataFile);
      await layouts.land(image, signal);
      return image;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#parts.folder, { recursive: true, force: true });
  }

  #layoutsOf(store: Store): SharedLayouts {
    const folder = join(this.#parts.folder, `shared-${this.#layouts.size}`);
    const layouts = this.#layouts.get(store) ?? new SharedLayouts(folder, store);
    this.#layouts.set(store, layouts);
    return layouts;
  }

  async #run(
    { target, onLog, onStep, signal }: BuildRequest,
    args: readonly string[],
  ): Promise<void> {
    const lines = new LastLines();
    let last: BuildStep | undefined;
    const progress = new BuildxProgress({
      onLine: (line) => {
        lines.push(line);
        onLog(line);
      },
      onStep: (step) => {
        last = step;
        onStep(step);
      },
    });
    const end = await this.#spawn(args, signal, (line) => progress.take(line));
    progress.end();
    if (end.kind === 'exit' && end.code === 0) return;
    if (end.kind === 'signal') {
      throw builderGone(this.version, `was ended by ${end.signal} while it built ${target.name}`);
    }
    const reason = reasonOf(lines.lines) ?? `buildx ended with code ${end.code}`;
    if (LOST.test(reason))
      throw builderGone(this.version, `lost its BuildKit while it built ${target.name}: ${reason}`);
    throw buildFailed({
      target: target.name,
      step: progress.failed ?? last,
      reason,
      lines: lines.lines,
    });
  }

  async #spawn(
    args: readonly string[],
    signal: AbortSignal,
    onLine: (line: string) => void,
  ): Promise<ProgramEnd> {
    const { path, options } = this.#parts;
    try {
      return await runProgram({ path, args, env: options.environment, signal, onLine });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      throw builderGone(this.version, 'could not be started', error);
    }
  }
}

/** What gRPC and the drivers say of a BuildKit that is not there, or not any more. */
const LOST =
  /code = Unavailable|error reading from server|connection (refused|reset)|transport is closing|closing transport|failed to (connect|dial|list workers)|no such host|unexpected EOF/i;

/** The plug-in itself, which needs no `docker` beside it. */
async function findBuildx(options: BuilderOptions): Promise<string | undefined> {
  const given = options.buildx?.path;
  if (given !== undefined) return (await isThere(given)) ? given : undefined;
  const places = [
    join(configFolder(options.environment), 'cli-plugins'),
    ...['/usr/local', '/usr'].flatMap((prefix) =>
      ['lib', 'libexec'].map((part) => `${prefix}/${part}/docker/cli-plugins`),
    ),
  ];
  for (const place of places) {
    const path = join(place, 'docker-buildx');
    if (await isThere(path)) return path;
  }
  return (
    (await findProgram('docker-buildx', options.environment)) ??
    (await findProgram('buildx', options.environment))
  );
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** What a short call prints, whatever its status: the caller knows what to look for. */
async function say(
  path: string,
  args: readonly string[],
  options: BuilderOptions,
): Promise<string> {
  const lines: string[] = [];
  try {
    await runProgram({
      path,
      args,
      env: options.environment,
      signal: AbortSignal.timeout(SAY_TIMEOUT_MS),
      onLine: (line) => lines.push(line),
    });
  } catch (cause) {
    throw unusable(`${path} does not answer`, cause);
  }
  return lines.join('\n');
}

const SAY_TIMEOUT_MS = 30_000;

async function readDescriptor(metadataFile: string): Promise<BuiltImage> {
  const descriptor = (await readJsonObject(metadataFile))['containerimage.descriptor'];
  const { mediaType, digest, size } = isObject(descriptor) ? descriptor : {};
  if (typeof mediaType === 'string' && isDigest(digest) && typeof size === 'number') {
    return { mediaType, digest, size };
  }
  throw builderGone('buildx', 'does not say which image it has built');
}

function unusable(message: string, cause?: unknown): LongshoreError {
  return new LongshoreError(message, {
    code: 'ERR_BUILDER_GONE',
    origin: 'builder',
    hint: 'See docker buildx ls; docker buildx create --driver docker-container --use makes an instance that works',
    cause,
  });
}
