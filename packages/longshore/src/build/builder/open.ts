import { isLongshoreError, LongshoreError } from '../../errors.ts';
import { openAssembleBuilder } from '../assemble/openAssemble.ts';
import type { Builder, BuilderName } from '../builder.ts';
import { openBuildah } from './buildah/buildah.ts';
import { openBuildx } from './buildx/buildx.ts';
import { openEngine } from './engine/engine.ts';
import type { BuilderOptions } from './options.ts';

/** A builder that is ready, and why it is this one: one sentence for people. */
export interface OpenedBuilder {
  readonly builder: Builder;
  /** `buildah 1.28.2: no Docker Engine answers at unix:///var/run/docker.sock` */
  readonly why: string;
}

type Opener = (options: BuilderOptions) => Promise<Builder>;

/** In the order in which `auto` prefers them. */
const OPENERS: Readonly<Record<BuilderName, Opener>> = {
  buildx: openBuildx,
  engine: openEngine,
  buildah: openBuildah,
  assemble: openAssemble,
};

async function openAssemble({ assemble }: BuilderOptions): Promise<Builder> {
  if (assemble === undefined) throw noBuilder('No options for the builder assemble were given');
  return openAssembleBuilder(assemble);
}

/**
 * Opens a builder by name, or the first of them that is here and can do all that `needs` ask for.
 * Where none can do all of it, the one that fails the fewest targets.
 * @throws LongshoreError `ERR_BUILDER_GONE` when it, or any, is not there; `ERR_BUILDER_ADDRESS`
 */
export async function openBuilder(
  name: BuilderName | 'auto',
  options: BuilderOptions,
): Promise<OpenedBuilder> {
  if (name === 'auto') return await choose(options);
  const builder = await OPENERS[name](options);
  return { builder, why: `${builder.version}: it was asked for` };
}

interface Candidate {
  readonly builder: Builder;
  /** Targets that it cannot build, and of the first of them why. */
  readonly failing: number;
  readonly example: string;
}

async function choose(options: BuilderOptions): Promise<OpenedBuilder> {
  await using others = new AsyncDisposableStack();
  const reasons: string[] = [];
  let best: Candidate | undefined;
  for (const open of Object.values(OPENERS)) {
    const candidate = await tryOpen(open, options, reasons);
    if (candidate === undefined) continue;
    if (candidate.failing === 0) {
      if (best !== undefined) others.use(best.builder);
      return { builder: candidate.builder, why: explain(candidate, reasons) };
    }
    reasons.push(`${candidate.builder.version} cannot do ${candidate.example}`);
    const isBetter = best === undefined || candidate.failing < best.failing;
    const loser = isBetter ? best : candidate;
    if (loser !== undefined) others.use(loser.builder);
    if (isBetter) best = candidate;
  }
  if (best !== undefined) return { builder: best.builder, why: explain(best, reasons) };
  throw noBuilder(`No builder is here: ${reasons.join('; ')}`);
}

async function tryOpen(
  open: Opener,
  options: BuilderOptions,
  reasons: string[],
): Promise<Candidate | undefined> {
  let builder: Builder;
  try {
    builder = await open(options);
  } catch (error) {
    if (!isLongshoreError(error)) throw error;
    reasons.push(lowerFirst(error.message));
    return undefined;
  }
  let failing = 0;
  let example = '';
  for (const target of options.needs ?? []) {
    const [first] = await builder.unsupported(target);
    if (first === undefined) continue;
    if (failing === 0) example = `${first} of ${target.name}`;
    failing += 1;
  }
  return { builder, failing, example };
}

function explain({ builder }: Candidate, reasons: readonly string[]): string {
  const why = reasons.length === 0 ? 'it is here and can do all that is asked' : reasons.join('; ');
  return `${builder.version}: ${why}`;
}

function lowerFirst(text: string): string {
  return /^(No|The|There) /.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

function noBuilder(message: string): LongshoreError {
  return new LongshoreError(message, {
    code: 'ERR_BUILDER_GONE',
    origin: 'builder',
    hint: 'Install buildah, or start a Docker Engine and set DOCKER_HOST where it is elsewhere',
  });
}
