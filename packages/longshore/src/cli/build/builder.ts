import { tmpdir } from 'node:os';
import type { BuilderName, BuildTarget, OpenedBuilder } from '../../build/index.ts';
import type { CommandContext } from '../commands/context.ts';

/** Opens the builder that was asked for, or the one that suits best what has to be built. */
export async function openBuilderFor(
  { host }: CommandContext,
  name: BuilderName | 'auto',
  needs: readonly BuildTarget[],
): Promise<OpenedBuilder> {
  const { openBuilder } = await import('../../build/index.ts');
  return openBuilder(name, {
    environment: host.env,
    temporaryFolder: host.env['TMPDIR'] ?? tmpdir(),
    needs,
  });
}

const NAMES: readonly BuilderName[] = ['buildx', 'engine', 'buildah', 'assemble'];

/** The builder by its name among the choices of `--builder`. */
export function builderName(chosen: string | undefined): BuilderName | 'auto' {
  return NAMES.find((name) => name === chosen) ?? 'auto';
}
