import { openAssembleBuilder } from '../../../src/build/index.ts';
import { LongshoreError } from '../../../src/errors.ts';
import { testBuilderContract } from '../builderContract.ts';

testBuilderContract({
  kind: 'assemble',
  open: async () => ({
    builder: openAssembleBuilder({
      version: '0.0.0',
      platform: { os: 'linux', architecture: 'amd64' },
      resolveBase: async (reference) => {
        throw new LongshoreError(`${reference} is nowhere`, {
          code: 'ERR_TEST',
          origin: 'registry',
        });
      },
    }),
    [Symbol.asyncDispose]: async () => undefined,
  }),
});
