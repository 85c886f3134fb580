import type { CliHost } from '../host.ts';
import { createJsonRenderer } from './json.ts';
import { describeTerminal, type ProgressMode, pickProgress } from './pick.ts';
import { createPlainRenderer } from './plain.ts';
import { createQuietRenderer } from './quiet.ts';
import type { Renderer } from './renderer.ts';
import { createTtyRenderer } from './tty.ts';

/** Where the terminal does not tell its size. */
const FALLBACK_SIZE = { columns: 80, rows: 24 };

/**
 * The renderer that `--progress` asks for, on the stderr of `host`.
 * @param wanted `undefined` and `auto` mean what fits stderr
 */
export function openRenderer(
  host: CliHost,
  wanted: string | undefined,
  write: (text: string) => void,
): { readonly renderer: Renderer; readonly mode: ProgressMode } {
  const { stderr, env, clock } = host;
  const mode = isMode(wanted) ? wanted : pickProgress(env, stderr.isTTY === true);
  switch (mode) {
    case 'json':
      return { mode, renderer: createJsonRenderer(write, clock) };
    case 'quiet':
      return { mode, renderer: createQuietRenderer(write) };
    case 'plain':
      return { mode, renderer: createPlainRenderer(write, clock) };
    case 'tty': {
      const terminal = {
        write,
        size: () => ({
          columns: stderr.columns ?? FALLBACK_SIZE.columns,
          rows: stderr.rows ?? FALLBACK_SIZE.rows,
        }),
        onResize: (listener: () => void) => {
          stderr.on('resize', listener);
          return () => void stderr.off('resize', listener);
        },
        ...describeTerminal(env),
      };
      return { mode, renderer: createTtyRenderer(terminal, clock) };
    }
  }
}

function isMode(word: string | undefined): word is ProgressMode {
  return word === 'tty' || word === 'plain' || word === 'json' || word === 'quiet';
}
