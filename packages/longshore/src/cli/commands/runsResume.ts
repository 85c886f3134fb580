import { openBuilderFor } from '../build/builder.ts';
import { carryOut } from '../build/carryOut.ts';
import { withKept } from '../build/settings.ts';
import { readConnection } from '../connect.ts';
import { prepareReports } from '../reportFile.ts';
import { readNamedRun } from '../runs/find.ts';
import type { CommandContext } from './context.ts';

/** `longshore runs resume [RUN]`: pushes what was built and builds what was not. */
export async function runRunsResume(given: CommandContext): Promise<number> {
  const run = await readNamedRun(given);
  const context = withKept(given, run.plan.settings);
  await prepareReports(context);
  const connection = await readConnection(context);
  return carryOut(context, connection, async (yard) => {
    const { builder } = await openBuilderFor(context, yard, {
      name: run.plan.builder,
      needs: run.plan.graph.targets,
    });
    yard.renderer.notice(
      'info',
      `Taking up ${run.plan.id} with ${builder.version}, as it was begun`,
    );
    return { run, builder };
  });
}
