/** `--from=base`, `--link`: what stands between an instruction and its arguments. */
export interface DockerfileFlag {
  /** Without the dashes, lower case as it was written. */
  readonly name: string;
  /** Quotes are gone, variables are as written. Nothing for a flag without `=`. */
  readonly value?: string | undefined;
}

/** A text that follows its instruction, up to the line that says its name. */
export interface Heredoc {
  readonly name: string;
  /** `<<EOF` expands variables, `<<"EOF"` does not. */
  readonly expand: boolean;
  /** With the line ends as written; the leading tabs of `<<-EOF` are gone. */
  readonly content: string;
}

/** One instruction, comments and continuations resolved, variables as they were written. */
export interface Instruction {
  /** Upper case: `COPY`. */
  readonly keyword: string;
  /** From 1. */
  readonly line: number;
  /** The last line that belongs to it, heredocs with it. */
  readonly endLine: number;
  readonly flags: readonly DockerfileFlag[];
  /** What follows the flags, on one line. For `ONBUILD` the whole inner instruction. */
  readonly text: string;
  /** The arguments where they were written as a JSON array of strings (the "exec form"). */
  readonly json?: readonly string[] | undefined;
  readonly heredocs: readonly Heredoc[];
}

export interface Dockerfile {
  /** For messages. */
  readonly file: string;
  /** The character that continues lines and takes others literally. */
  readonly escape: '\\' | '`';
  /** `# syntax=`: the frontend that is to read this file; `undefined` for the builder's own. */
  readonly syntax?: string | undefined;
  readonly instructions: readonly Instruction[];
}
