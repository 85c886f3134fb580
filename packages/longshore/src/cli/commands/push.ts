import { readEntries, runWork } from '../push/run.ts';
import { prepareReports } from '../reportFile.ts';
import type { CommandContext } from './context.ts';

/** `longshore push REF[=DEST]...` */
export async function runPush(context: CommandContext): Promise<number> {
  await prepareReports(context);
  const entries = await readEntries(context, context.args);
  return runWork(
    context,
    { verb: 'push', entries },
    async ({ store, registry, onEvent, interrupts, options }) => {
      const { push } = await import('../../transfer/index.ts');
      return push(entries, {
        store,
        registry,
        ...options,
        onEvent,
        drain: interrupts.drain,
        signal: interrupts.stop,
      });
    },
  );
}
