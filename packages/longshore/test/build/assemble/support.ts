import assert from 'node:assert/strict';
import { openAssembleBuilder } from '../../../src/build/index.ts';
import type { Descriptor } from '../../../src/image/index.ts';
import { type BuilderBench, type Built, useBench } from '../builderContract.ts';
import type { ContextFiles } from '../target.ts';

/** Two days after the epoch, so that a time of zero shows. */
export const EPOCH_S = 2 * 86_400;

/** An assemble builder in use, and the images that it finds when a Dockerfile names one. */
export interface AssembleBench {
  readonly bases: Map<string, Descriptor>;
  readonly bench: () => BuilderBench;
  /** Builds a Dockerfile in a context of these files. */
  readonly build: (dockerfile: string, files?: ContextFiles) => Promise<Built>;
  /** The same, and what is in the image by path: `file:text`, `>target` or the type. */
  readonly tree: (dockerfile: string, files?: ContextFiles) => Promise<Record<string, string>>;
}

export function useAssemble(): AssembleBench {
  const bases = new Map<string, Descriptor>();
  const bench = useBench({
    kind: 'assemble',
    open: async () => ({
      builder: openAssembleBuilder({
        version: '0.0.0',
        platform: { os: 'linux', architecture: 'amd64' },
        sourceDateEpoch: EPOCH_S,
        resolveBase: async (reference) => bases.get(reference) ?? assert.fail(reference),
      }),
      [Symbol.asyncDispose]: async () => undefined,
    }),
  });
  const build: AssembleBench['build'] = async (dockerfile, files = {}) =>
    bench().build(await bench().target({ Dockerfile: dockerfile, ...files }));
  return {
    bases,
    bench,
    build,
    tree: async (dockerfile, files) => {
      const found = await bench().files((await build(dockerfile, files)).image);
      return Object.fromEntries(
        [...found]
          .filter(([path]) => path !== '')
          .map(([path, { type, mode, uid, data, link }]) => [
            path,
            `${data === undefined ? (link === undefined ? type : `>${link}`) : `:${data}`} ${mode.toString(8)} ${uid}`,
          ]),
      );
    },
  };
}
