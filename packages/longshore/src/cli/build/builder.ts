import { tmpdir } from 'node:os';
import type { Builder, BuilderName, BuildTarget, OpenedBuilder } from '../../build/index.ts';
import type { CommandContext } from '../commands/context.ts';
import { usageError } from '../failures.ts';
import { choosePlatform } from '../pull/platform.ts';
import { baseImages } from './baseImages.ts';
import type { Yard } from './carryOut.ts';

export interface WantedBuilder {
  readonly name: BuilderName | 'auto';
  /** What it has to build. */
  readonly needs: readonly BuildTarget[];
}

/**
 * Opens the builder that was asked for, or the one that suits best what has to be built: where
 * nothing is run, our own needs neither a daemon nor root.
 */
export async function openBuilderFor(
  context: CommandContext,
  yard: Yard,
  { name, needs }: WantedBuilder,
): Promise<OpenedBuilder> {
  const { host } = context;
  if (name === 'assemble' || name === 'auto') {
    const builder = await openAssemble(context, yard);
    if (name === 'assemble') return { builder, why: `${builder.version}: it was asked for` };
    if (await canBuild(builder, needs)) {
      return { builder, why: `${builder.version}: no Dockerfile runs anything` };
    }
    await builder[Symbol.asyncDispose]();
  }
  const { openBuilder } = await import('../../build/index.ts');
  return openBuilder(name, {
    environment: host.env,
    temporaryFolder: host.env['TMPDIR'] ?? tmpdir(),
    needs,
  });
}

async function openAssemble(context: CommandContext, yard: Yard): Promise<Builder> {
  const { host } = context;
  const { openAssembleBuilder } = await import('../../build/index.ts');
  const platform = choosePlatform(undefined, host);
  return openAssembleBuilder({
    version: host.version,
    platform: platform === 'all' ? { os: 'linux', architecture: 'amd64' } : platform,
    resolveBase: baseImages(yard),
    sourceDateEpoch: readEpoch(host.env['SOURCE_DATE_EPOCH']),
  });
}

function readEpoch(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw usageError(`SOURCE_DATE_EPOCH: ${JSON.stringify(text)} is no number of seconds`);
}

async function canBuild(builder: Builder, needs: readonly BuildTarget[]): Promise<boolean> {
  for (const target of needs) {
    if ((await builder.unsupported(target)).length > 0) return false;
  }
  return true;
}

const NAMES: readonly BuilderName[] = ['buildx', 'engine', 'buildah', 'assemble'];

/** The builder by its name among the choices of `--builder`. */
export function builderName(chosen: string | undefined): BuilderName | 'auto' {
  return NAMES.find((name) => name === chosen) ?? 'auto';
}
