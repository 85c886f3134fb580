import type { CliHost } from '../host.ts';
import { renderFrame } from './frame.ts';
import { createJsonRenderer } from './json.ts';
import { lastingLines } from './lasting.ts';
import { describeTerminal, type ProgressMode, pickProgress } from './pick.ts';
import { createPlainRenderer } from './plain.ts';
import { createQuietRenderer } from './quiet.ts';
import type { Clock, Renderer } from './renderer.ts';
import { foldEvent, INITIAL_STATE } from './state.ts';
import { createTtyRenderer, type Terminal } from './tty.ts';

/** Where the terminal does not tell its size. */
const FALLBACK_SIZE = { columns: 80, rows: 24 };

type Write = (text: string) => void;

/** How a kind of run is shown, in each mode that depends on it. */
export interface Renderers<E> {
  readonly tty: (terminal: Terminal, clock: Clock) => Renderer<E>;
  readonly plain: (write: Write, clock: Clock) => Renderer<E>;
  readonly quiet: (write: Write) => Renderer<E>;
}

/** Pulls and pushes. */
export const TRANSFER_VIEW = {
  initial: INITIAL_STATE,
  fold: foldEvent,
  frame: renderFrame,
  lasting: lastingLines,
} as const;

const TRANSFERS: Renderers<Parameters<typeof foldEvent>[1]> = {
  tty: (terminal, clock) => createTtyRenderer(terminal, clock, TRANSFER_VIEW),
  plain: createPlainRenderer,
  quiet: createQuietRenderer,
};

interface Opened<E> {
  readonly renderer: Renderer<E>;
  readonly mode: ProgressMode;
}

/**
 * The renderer that `--progress` asks for, on the stderr of `host`; of a pull or push.
 * @param wanted `undefined` and `auto` mean what fits stderr
 */
export function openRenderer(
  host: CliHost,
  wanted: string | undefined,
  write: Write,
): Opened<Parameters<typeof foldEvent>[1]> {
  return openRendererOf(TRANSFERS, host, { wanted, write });
}

/** The same for any kind of run. */
export function openRendererOf<E extends { readonly type: string }>(
  renderers: Renderers<E>,
  { stderr, env, clock }: CliHost,
  { wanted, write }: { readonly wanted: string | undefined; readonly write: Write },
): Opened<E> {
  const mode = isMode(wanted) ? wanted : pickProgress(env, stderr.isTTY === true);
  switch (mode) {
    case 'json':
      return { mode, renderer: createJsonRenderer(write, clock) };
    case 'quiet':
      return { mode, renderer: renderers.quiet(write) };
    case 'plain':
      return { mode, renderer: renderers.plain(write, clock) };
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
      return { mode, renderer: renderers.tty(terminal, clock) };
    }
  }
}

function isMode(word: string | undefined): word is ProgressMode {
  return word === 'tty' || word === 'plain' || word === 'json' || word === 'quiet';
}
