import type { TargetEntry } from '../../run/index.ts';
import { buildDocument } from '../build/document.ts';
import { printDocument } from '../documents.ts';
import { EXIT } from '../exitCodes.ts';
import { formatDuration } from '../render/format.ts';
import { cleanText } from '../render/text.ts';
import { readNamedRun } from '../runs/find.ts';
import { outcomeOf } from '../runs/outcome.ts';
import { shellQuote } from '../shellQuote.ts';
import { storePath } from '../storePath.ts';
import type { CommandContext } from './context.ts';

/** `longshore runs show [RUN]`: where every image of a run stands. */
export async function runRunsShow(context: CommandContext): Promise<number> {
  const { settings, print, complain, host } = context;
  const run = await readNamedRun(context);
  const { countStates } = await import('../../run/index.ts');
  const { id, createdAt, command } = run.plan;
  if (settings.json === true) {
    const targets = Array.from(run.ledger.values(), (entry) => ({
      ...entry,
      log: run.folder.logFile(entry.target),
    }));
    const known = { outcome: outcomeOf(run), targets, counts: countStates(run.ledger) };
    const facts = { store: storePath(context), version: host.version };
    await printDocument(context, buildDocument(run, known, facts));
    return EXIT.ok;
  }
  for (const entry of run.ledger.values()) print(`${entryLine(entry)}\n`);
  complain(`${id} ${outcomeOf(run)}, begun ${createdAt}: ${cleanText(shellQuote(command))}\n`);
  return EXIT.ok;
}

function entryLine({ target, state, image, error, because, buildMs }: TargetEntry): string {
  const why =
    error?.message.split('\n', 1)[0] ?? (because === undefined ? '' : `${because} failed`);
  const took = buildMs === undefined ? '' : ` built in ${formatDuration(buildMs)}`;
  return cleanText(
    `${state} ${target}${image === undefined ? '' : ` ${image.digest}`}${took}${why === '' ? '' : `: ${why}`}`,
  );
}
