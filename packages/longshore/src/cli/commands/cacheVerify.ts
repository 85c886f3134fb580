import type { StoreProblem, VerifyResult } from '../../store/index.ts';
import { printDocument } from '../documents.ts';
import { EXIT } from '../exitCodes.ts';
import { withInterrupts } from '../interrupts.ts';
import { formatBytes, formatCount, formatPercent } from '../render/format.ts';
import { cleanText } from '../render/text.ts';
import { withStatusLine } from '../statusLine.ts';
import { storePath } from '../storePath.ts';
import { openStoreIfThere } from '../stores.ts';
import type { CommandContext } from './context.ts';

/** What `cache verify --json` prints; its schema is `longshore schema cache-verify`. */
export interface VerifyDocument extends VerifyResult {
  readonly store: string;
}

/** `longshore cache verify`; exit code 1 when something is wrong and was not repaired. */
export async function runCacheVerify(context: CommandContext): Promise<number> {
  const { settings, print, complain } = context;
  const result = await verify(context);
  if (settings.json === true) {
    const document: VerifyDocument = { store: storePath(context), ...result };
    await printDocument(context, document);
  } else {
    for (const problem of result.problems) print(`${cleanText(describeProblem(problem))}\n`);
    const { problems, blobs, bytes } = result;
    const found = problems.length === 0 ? 'all is well' : formatCount(problems.length, 'problem');
    complain(`${formatCount(blobs, 'blob')}, ${formatBytes(bytes)} read: ${found}\n`);
  }
  return result.problems.every(isHarmless) ? EXIT.ok : EXIT.failed;
}

async function verify(context: CommandContext): Promise<VerifyResult> {
  const store = await openStoreIfThere(context);
  if (store === undefined) return { blobs: 0, bytes: 0, references: 0, problems: [] };
  try {
    const { verifyStore } = await import('../../store/index.ts');
    return await withInterrupts(context.host, (signal) =>
      withStatusLine(context, (show) =>
        verifyStore(store, {
          repair: context.settings.repair,
          signal,
          onProgress: (done, total) =>
            show(() => `Verifying ${formatPercent(done, total)} of ${formatBytes(total)}`),
        }),
      ),
    );
  } finally {
    await store.close();
  }
}

function isHarmless(problem: StoreProblem): boolean {
  if (problem.kind === 'foreign-file') return true;
  return 'repaired' in problem && problem.repaired;
}

/** One line: what is wrong, and what was done about it or can be. */
function describeProblem(problem: StoreProblem): string {
  switch (problem.kind) {
    case 'damaged-blob': {
      const then = problem.repaired
        ? 'removed; the next pull fetches it'
        : 'remove it with --repair';
      return `damaged ${problem.digest} (${problem.reason}): ${then}`;
    }
    case 'missing-blob':
      return `missing ${problem.digest}, which ${problem.reference} needs: pull it again`;
    case 'invalid-manifest':
      return `invalid ${problem.digest} of ${problem.reference}: ${problem.reason}`;
    case 'damaged-reference':
      return `damaged reference ${problem.file}: ${problem.repaired ? 'removed' : 'remove it with --repair'}`;
    case 'foreign-file':
      return `foreign ${problem.path}: not ours, left alone`;
  }
}
