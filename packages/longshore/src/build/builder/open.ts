import { LongshoreError } from '../../errors.ts';
import type { Builder, BuilderName } from '../builder.ts';
import { openBuildah } from './buildah/buildah.ts';
import type { BuilderOptions } from './options.ts';

/** A builder that is ready, and why it is this one: one sentence for people. */
export interface OpenedBuilder {
  readonly builder: Builder;
  /** `buildah 1.28.2: no Docker Engine answers at unix:///var/run/docker.sock` */
  readonly why: string;
}

/**
 * Opens a builder by name, or the one that suits best: see `docs/build.md`.
 * @throws LongshoreError `ERR_BUILDER_GONE` when it is not there
 */
export async function openBuilder(
  name: BuilderName | 'auto',
  options: BuilderOptions,
): Promise<OpenedBuilder> {
  if (name !== 'auto' && name !== 'buildah') {
    throw new LongshoreError(`There is no builder ${name} here yet`, {
      code: 'ERR_BUILDER_GONE',
      origin: 'builder',
      hint: 'Use buildah',
    });
  }
  const builder = await openBuildah(options);
  return { builder, why: `${builder.version}: it was asked for` };
}
