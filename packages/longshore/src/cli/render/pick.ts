type Environment = Readonly<Record<string, string | undefined>>;

export type ProgressMode = 'tty' | 'plain' | 'json' | 'quiet';

/** What `--progress auto` means here: bars only where a person watches a terminal that can. */
export function pickProgress(env: Environment, isTty: boolean): ProgressMode {
  const inCi = isSet(env['CI']) && env['CI'] !== 'false' && env['CI'] !== '0';
  return isTty && !inCi && env['TERM'] !== 'dumb' ? 'tty' : 'plain';
}

/** What the terminal can, from what it says of itself. */
export function describeTerminal(env: Environment): {
  readonly colour: boolean;
  readonly unicode: boolean;
  readonly reflows: boolean;
} {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(isSet) ?? '';
  const term = env['TERM'] ?? '';
  return {
    // https://no-color.org: set and not empty, whatever its value.
    colour: !isSet(env['NO_COLOR']) && term !== 'dumb',
    unicode: /utf-?8/i.test(locale),
    // xterm, the Linux console and GNU screen cut long lines when they narrow; all others wrap.
    reflows:
      !isSet(env['XTERM_VERSION']) &&
      term !== 'linux' &&
      !(term.startsWith('screen') && !isSet(env['TMUX'])),
  };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
