import type { StoredRun } from '../../run/index.ts';
import { printDocument } from '../documents.ts';
import { EXIT } from '../exitCodes.ts';
import { endedCounts } from '../render/bulk/state.ts';
import { cleanText } from '../render/text.ts';
import { outcomeOf } from '../runs/outcome.ts';
import { shellQuote } from '../shellQuote.ts';
import { storePath } from '../storePath.ts';
import type { CommandContext } from './context.ts';

/** What `runs --json` prints; its schema is `longshore schema runs`. */
export interface RunsDocument {
  readonly store: string;
  /** Oldest first. */
  readonly runs: readonly {
    readonly run: string;
    readonly createdAt: string;
    readonly outcome: string;
    readonly command: readonly string[];
    readonly targets: number;
  }[];
}

/** `longshore runs`: one line a run, oldest first. */
export async function runRuns(context: CommandContext): Promise<number> {
  const { settings, print, complain } = context;
  const { listRuns, readRun } = await import('../../run/index.ts');
  const store = storePath(context);
  const runs: StoredRun[] = [];
  for (const id of await listRuns(store)) {
    try {
      runs.push(await readRun(store, id));
    } catch (error) {
      // One that cannot be read hides no other.
      complain(`${id}: ${cleanText(error instanceof Error ? error.message : String(error))}\n`);
    }
  }
  if (settings.json === true) {
    const document: RunsDocument = { store, runs: runs.map(describe) };
    await printDocument(context, document);
    return EXIT.ok;
  }
  const { countStates } = await import('../../run/index.ts');
  for (const run of runs) {
    const counts = endedCounts(countStates(run.ledger)).map(([count, word]) => `${count} ${word}`);
    const { id, command, graph } = run.plan;
    print(
      `${id} ${outcomeOf(run)} ${graph.targets.length} images${counts.length > 0 ? ` (${counts.join(', ')})` : ''}: ${cleanText(shellQuote(command))}\n`,
    );
  }
  if (runs.length === 0) complain(`There are no runs in ${store}\n`);
  return EXIT.ok;
}

function describe(run: StoredRun): RunsDocument['runs'][number] {
  const { id, createdAt, command, graph } = run.plan;
  return { run: id, createdAt, outcome: outcomeOf(run), command, targets: graph.targets.length };
}
