import { LongshoreError } from '../../../errors.ts';
import type { Platform } from '../../../image/index.ts';
import type { Builder, BuildRequest, BuildStep } from '../../builder.ts';
import type { BuildTarget, BuiltImage } from '../../target.ts';
import { builderGone, buildFailed } from '../failure.ts';
import { type Landing, Landings } from '../landing.ts';
import { OnceEach } from '../onceEach.ts';
import type { BuilderOptions } from '../options.ts';
import { LastLines } from '../outputLines.ts';
import { EngineClient } from './client.ts';
import { Daemon, type EngineAuth, failureOf, registryConfig } from './daemon.ts';
import { findEngine } from './endpoint.ts';
import { suitsBuildKit } from './kit.ts';
import { BuildMessages } from './messages.ts';
import { buildParameters } from './parameters.ts';
import { readSource } from './source.ts';
import { engineCannot } from './wishes.ts';

/**
 * Builds with a Docker Engine: with the BuildKit inside of it where that does for a target what the
 * classic builder would, in half the time; with the classic builder otherwise, and where
 * `DOCKER_BUILDKIT=0` asks for it.
 * @throws LongshoreError `ERR_BUILDER_GONE` when no engine answers, `ERR_BUILDER_ADDRESS`
 */
export async function openEngine(options: BuilderOptions): Promise<Builder> {
  const engine = await findEngine(options);
  const client = new EngineClient(engine, options.environment);
  try {
    const daemon = new Daemon(client);
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const { version, hasBuildKit } = await daemon.version(signal);
    const isWanted = options.environment['DOCKER_BUILDKIT'] !== '0';
    const kit = hasBuildKit && isWanted ? await lookAtBuildKit(daemon, signal) : undefined;
    return new Engine({ client, version, kit, options });
  } catch (cause) {
    throw new LongshoreError(`No Docker Engine answers at ${engine.address}`, {
      code: 'ERR_BUILDER_GONE',
      origin: 'builder',
      retryable: true,
      hint: 'Start it, set DOCKER_HOST, or see that you may use its socket; or use another builder',
      cause,
    });
  }
}

/** Whether the engine keeps images in containerd, which is what lets buildx export them from it. */
export async function usesContainerdStore(options: BuilderOptions): Promise<boolean> {
  const client = new EngineClient(await findEngine(options), options.environment);
  return await new Daemon(client).usesContainerdStore(AbortSignal.timeout(ANSWER_TIMEOUT_MS));
}

/** With images in containerd BuildKit looks for bases elsewhere; that was not tried. */
async function lookAtBuildKit(daemon: Daemon, signal: AbortSignal): Promise<Kit | undefined> {
  if (await daemon.usesContainerdStore(signal)) return undefined;
  // Without a bridge the classic builder runs without a network, and BuildKit not at all.
  return { network: (await daemon.hasBridge(signal)) ? undefined : 'none' };
}

/** The engine's BuildKit. */
interface Kit {
  /** What its builds have to name where the target names none. */
  readonly network: string | undefined;
}

interface EngineParts {
  readonly client: EngineClient;
  readonly version: string;
  /** Missing where only the classic builder is used. */
  readonly kit: Kit | undefined;
  readonly options: BuilderOptions;
}

const ANSWER_TIMEOUT_MS = 15_000;
/** For the engine to end a container and forget names after a build. */
const CLEANUP_TIMEOUT_MS = 15_000;

class Engine implements Builder {
  readonly name = 'engine';
  readonly version: string;
  readonly #client: EngineClient;
  readonly #daemon: Daemon;
  readonly #options: BuilderOptions;
  readonly #kit: Kit | undefined;
  readonly #landings = new Landings();
  readonly #reached = new OnceEach();
  /** Images of the store that the engine has by now, by their name at the landing. */
  readonly #pulled = new OnceEach();

  constructor({ client, version, kit, options }: EngineParts) {
    this.#client = client;
    this.#kit = kit;
    this.#daemon = new Daemon(client);
    this.#options = options;
    this.version = `Docker Engine ${version}`;
  }

  unsupported(target: BuildTarget): Promise<readonly string[]> {
    return engineCannot(target);
  }

  async build(request: BuildRequest): Promise<BuiltImage> {
    const { target, signal } = request;
    signal.throwIfAborted();
    const landing = await this.#landings.of(request.store);
    const auth = authOf(landing);
    await this.#reached.run(landing.host, (shared) => this.#reach(landing, auth, shared), signal);
    const bases = new Map<string, string>();
    for (const [name, image] of request.bases) {
      const reference = await landing.offer(image);
      await this.#pulled.run(reference, (all) => this.#daemon.pull(reference, auth, all), signal);
      bases.set(name, reference);
    }
    for (const [name, from] of Object.entries(target.contexts)) {
      if (from.kind === 'image' && !bases.has(name)) bases.set(name, from.reference);
    }
    const place = landing.place();
    try {
      await this.#run(request, { bases, tag: place.reference, platform: target.platforms[0] });
      for (const tag of target.tags) await this.#daemon.tag(place.reference, tag, signal);
      await this.#push(place.reference, landing, signal);
      return await place.take();
    } finally {
      await this.#forget(place.reference);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reference of this.#pulled.done) await this.#forget(reference);
    await this.#landings[Symbol.asyncDispose]();
  }

  /** An engine on another machine cannot reach a port that is on this one's loopback. */
  async #reach(landing: Landing, auth: EngineAuth, signal: AbortSignal): Promise<void> {
    const before = landing.requests;
    await this.#daemon.askRegistry(`${landing.host}/probe:1`, auth, signal);
    if (landing.requests > before) return;
    throw new LongshoreError(
      `The Docker Engine at ${this.#client.address} cannot hand images over: it does not reach ${landing.host}, so it runs on another machine or in a virtual one`,
      {
        code: 'ERR_BUILDER_GONE',
        origin: 'builder',
        hint: 'Use the builder buildx, which carries images over its own connection',
      },
    );
  }

  async #run(
    request: BuildRequest,
    run: {
      readonly bases: ReadonlyMap<string, string>;
      readonly tag: string;
      readonly platform: Platform | undefined;
    },
  ): Promise<void> {
    const { target, onLog, onStep, signal } = request;
    const source = await readSource(target, run.bases);
    const login = await registryConfig(source.registries, this.#options.environment, signal);
    const needsLogin = Object.keys(login).length > 0;
    const kit = suitsBuildKit({ target, ...source, needsLogin }) ? this.#kit : undefined;
    const lines = new LastLines();
    let step: BuildStep | undefined;
    const asWritten = renamer(run.bases);
    const messages = new BuildMessages({
      onLine: (line) => {
        lines.push(asWritten(line));
        onLog(asWritten(line));
      },
      onStep: (begun) => {
        step = { ...begun, name: asWritten(begun.name) };
        onStep(step);
      },
    });
    try {
      const answer = await this.#client.call({
        method: 'POST',
        path: '/build',
        query: buildParameters(target, { ...run, dockerfile: source.dockerfile, kit }),
        headers: { 'content-type': 'application/x-tar', ...login },
        body: source.body,
        signal,
      });
      for await (const message of this.#client.messages(answer, signal)) {
        messages.take(message);
        if (answer.status >= 400) messages.error ??= failureOf(message);
      }
      messages.end();
    } catch (error) {
      if (signal.aborted) await this.#stop(messages.container);
      throw error;
    }
    if (messages.error !== undefined) {
      const reason = asWritten(messages.error);
      step = messages.failed ?? step;
      throw buildFailed({ target: target.name, step, reason, lines: lines.lines });
    }
    if (messages.image !== undefined) return;
    throw builderGone(
      `The Docker Engine at ${this.#client.address}`,
      'ended in the middle of a build',
    );
  }

  async #push(reference: string, landing: Landing, signal: AbortSignal): Promise<void> {
    try {
      await this.#daemon.push(reference, authOf(landing), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw landing.takeFailure() ?? error;
    }
  }

  /** The engine ends a build whose client left, but in its own time. */
  async #stop(container: string | undefined): Promise<void> {
    if (container === undefined) return;
    const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
    await this.#daemon.removeContainer(container, signal).catch(() => undefined);
  }

  async #forget(reference: string): Promise<void> {
    const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
    // A name that stays behind costs nothing but its sight.
    await this.#daemon.untag(reference, signal).catch(() => undefined);
  }
}

function authOf(landing: Landing): EngineAuth {
  return {
    username: landing.user,
    password: landing.password,
    serveraddress: landing.host,
  };
}

/** Puts back what the Dockerfile calls its images, in what people read. */
function renamer(bases: ReadonlyMap<string, string>): (text: string) => string {
  return (text) => {
    let written = text;
    for (const [name, reference] of bases) written = written.replaceAll(reference, name);
    return written;
  };
}
