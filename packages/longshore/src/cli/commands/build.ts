import type { Builder, BuildGraph, BuildTarget } from '../../build/index.ts';
import { LongshoreError } from '../../errors.ts';
import type { StoredRun } from '../../run/index.ts';
import { builderName, openBuilderFor } from '../build/builder.ts';
import { carryOut } from '../build/carryOut.ts';
import { tellPlan } from '../build/planDocument.ts';
import { keptSettings } from '../build/settings.ts';
import { readConnection } from '../connect.ts';
import { usageError } from '../failures.ts';
import { withInterrupts } from '../interrupts.ts';
import { cleanText } from '../render/text.ts';
import { prepareReports } from '../reportFile.ts';
import { storePath } from '../storePath.ts';
import type { CommandContext } from './context.ts';

/** `longshore build [TARGET...]` */
export async function runBuild(context: CommandContext): Promise<number> {
  const { settings, host } = context;
  await prepareReports(context);
  const connection = await readConnection(context);
  const graph = await withInterrupts(host, (signal) => readGraph(context, signal));
  for (const warning of graph.warnings) context.complain(`longshore: ${cleanText(warning)}\n`);
  if (settings.push === true) requireTags(graph);
  if (settings['dry-run'] === true) return tellPlan(context, graph);
  return carryOut(context, connection, async (yard) => {
    const opened = await openBuilderFor(context, yard, {
      name: builderName(settings.builder),
      needs: graph.targets,
    });
    yard.renderer.notice('info', opened.why);
    await requireAbilities(opened.builder, graph.targets);
    const run = await begin(context, graph, opened.builder);
    return { run, builder: opened.builder };
  });
}

async function readGraph(context: CommandContext, signal: AbortSignal): Promise<BuildGraph> {
  const { settings, args, places, host } = context;
  const { readBuildGraph } = await import('../../build/index.ts');
  return readBuildGraph({
    files: settings.file ?? [],
    targets: args,
    workingDirectory: places.cwd,
    environment: host.env,
    overrides: settings.set,
    profiles: settings.profile,
    registryPrefix: settings.registry,
    tag: settings.tag,
    signal,
  });
}

/** @throws LongshoreError `ERR_USAGE` naming what could not be pushed anywhere */
function requireTags({ targets, linked = [] }: BuildGraph): void {
  const nameless = targets
    .filter(({ name, tags }) => tags.length === 0 && !linked.includes(name))
    .map(({ name }) => name);
  if (nameless.length === 0) return;
  throw usageError(
    `--push: ${nameless.slice(0, 5).join(', ')}${nameless.length > 5 ? ', ...' : ''} ${nameless.length === 1 ? 'has' : 'have'} no tag`,
    'Give them tags, or --registry PREFIX, which names each PREFIX/TARGET:latest',
  );
}

/** Nothing that a specification asks for is dropped in silence. */
async function requireAbilities(builder: Builder, targets: readonly BuildTarget[]): Promise<void> {
  const problems: string[] = [];
  for (const target of targets) {
    const missing = await builder.unsupported(target);
    if (missing.length > 0) problems.push(`${target.name} (${missing.join(', ')})`);
  }
  if (problems.length === 0) return;
  const more = problems.length > 5 ? ` and ${problems.length - 5} more` : '';
  throw new LongshoreError(
    `${builder.version} cannot build ${problems.slice(0, 5).join(', ')}${more}`,
    {
      code: 'ERR_UNSUPPORTED',
      origin: 'input',
      hint: 'Choose another with --builder, or take it out of the specification',
    },
  );
}

async function begin(
  context: CommandContext,
  graph: BuildGraph,
  builder: Builder,
): Promise<StoredRun> {
  const { settings, host, places } = context;
  const { createRun, newRunId } = await import('../../run/index.ts');
  const now = new Date();
  return createRun(storePath(context), {
    version: 1,
    id: newRunId(now),
    createdAt: now.toISOString(),
    command: ['longshore', ...host.argv],
    workingDirectory: places.cwd,
    graph,
    push: settings.push ?? false,
    publish: settings.publish === 'all-or-none' ? 'all-or-none' : 'each',
    builder: builder.name,
    settings: keptSettings(settings),
  });
}
