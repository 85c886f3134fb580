import { isLongshoreError } from '../errors.ts';
import { openStore, type Store } from '../store/index.ts';
import type { CommandContext } from './commands/context.ts';
import { storePath } from './storePath.ts';

/** As `bin/longshore.js` has set it, or whoever runs it; `undefined` leaves it to Node. */
export function poolThreads({ host }: Pick<CommandContext, 'host'>): number | undefined {
  const threads = Number(host.env['UV_THREADPOOL_SIZE'] || Number.NaN);
  return Number.isFinite(threads) ? threads : undefined;
}

/** The store, made where there is none. */
export async function openOrCreateStore(context: CommandContext): Promise<Store> {
  return openStore(storePath(context), { poolThreads: poolThreads(context) });
}

/** The store for looking only: `undefined` where there is none. */
export async function openStoreIfThere(context: CommandContext): Promise<Store | undefined> {
  try {
    return await openStore(storePath(context), {
      create: false,
      poolThreads: poolThreads(context),
    });
  } catch (error) {
    if (isLongshoreError(error) && error.code === 'ERR_NOT_A_STORE') return undefined;
    throw error;
  }
}
