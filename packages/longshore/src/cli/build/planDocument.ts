import type { BuildGraph } from '../../build/index.ts';
import type { CommandContext } from '../commands/context.ts';
import { printDocument } from '../documents.ts';
import { EXIT } from '../exitCodes.ts';
import { writeReports } from '../reportFile.ts';
import { formatPlace } from './document.ts';

/** What `build --dry-run` prints with `--json`; the schema is `longshore schema build-plan`. */
export interface BuildPlanDocument {
  readonly verb: 'build';
  /** Version of the program. */
  readonly longshore: string;
  readonly outcome: 'planned';
  /** Each after what it is built from. */
  readonly targets: readonly PlannedTarget[];
}

interface PlannedTarget {
  readonly name: string;
  /** File and line of the specification. */
  readonly where: string;
  /** The targets that it is built from. */
  readonly from: readonly string[];
  readonly tags: readonly string[];
}

/** Tells what would be built, and builds nothing. */
export async function tellPlan(context: CommandContext, graph: BuildGraph): Promise<number> {
  const { settings, host, print } = context;
  const targets = plannedTargets(graph);
  const document: BuildPlanDocument = {
    verb: 'build',
    longshore: host.version,
    outcome: 'planned',
    targets,
  };
  if (settings.json === true) await printDocument(context, document);
  else for (const target of targets) print(`${planLine(target)}\n`);
  return writeReports(context, EXIT.ok, { document });
}

function plannedTargets({ targets, edges }: BuildGraph): readonly PlannedTarget[] {
  return targets.map(({ name, place, tags }) => {
    const bases = edges.filter(({ from }) => from === name).map(({ to }) => to);
    return { name, where: formatPlace(place), from: [...new Set(bases)], tags };
  });
}

function planLine({ name, from, tags }: PlannedTarget): string {
  const bases = from.length === 0 ? [] : [`from ${from.join(', ')}`];
  return [name, ...bases, ...tags].join(' ');
}
