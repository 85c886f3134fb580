import { didYouMean } from '../../suggest.ts';
import { BuildInputError, type BuildProblem } from '../problems.ts';
import { isDockerSyntax, readDirectives } from './directives.ts';
import { takeFlags } from './flags.ts';
import { takeHeredocs } from './heredocs.ts';
import { LineReader, type LogicalLine, takeLogicalLine } from './lines.ts';
import type { Dockerfile, Instruction } from './types.ts';
import { readJsonWords } from './words.ts';

const KEYWORDS = [
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
] as const;

const KNOWN: ReadonlySet<string> = new Set(KEYWORDS);
const NEVER_INNER: ReadonlySet<string> = new Set(['ONBUILD', 'FROM', 'MAINTAINER']);
const TAKES_JSON = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME']);

/**
 * Reads a Dockerfile as BuildKit's parser does: directives, comments, continuations, heredocs,
 * flags, exec form. Variables are left as they are (see `expandWord`), arguments are not judged;
 * what is no instruction is refused, unless `# syntax=` names another language.
 * @param file - what messages call it
 * @throws BuildInputError `ERR_DOCKERFILE_INVALID` with all that is wrong, each with its line
 */
export function parseDockerfile(text: string, file: string): Dockerfile {
  const lines = text.replace(/^\u{FEFF}/u, '').split(/\n/);
  if (lines.at(-1) === '') lines.pop();
  const { escape, syntax, wrongEscape } = readDirectives(lines);
  const problems: BuildProblem[] = [];
  const report = (line: number, message: string): void => {
    problems.push({ place: { file, line, column: 1 }, message });
  };
  if (wrongEscape !== undefined) {
    report(wrongEscape.line, `# escape= is \\ or \`, not ${wrongEscape.value}`);
  }
  const instructions: Instruction[] = [];
  const reader = new LineReader(lines);
  const checked = isDockerSyntax(syntax);
  for (
    let line = takeLogicalLine(reader, escape);
    line !== undefined;
    line = takeLogicalLine(reader, escape)
  ) {
    const found = readInstruction(line, { reader, escape, report, checked });
    if (found !== undefined) instructions.push(found);
  }
  if (problems.length > 0) throw new BuildInputError('ERR_DOCKERFILE_INVALID', problems);
  return { file, escape, syntax, instructions };
}

interface Reading {
  readonly reader: LineReader;
  readonly escape: string;
  readonly checked: boolean;
  readonly report: (line: number, message: string) => void;
}

function readInstruction(logical: LogicalLine, reading: Reading): Instruction | undefined {
  const { reader, escape, report, checked } = reading;
  const { line } = logical;
  const { word, keyword, after } = splitKeyword(logical.text);
  if (checked && !KNOWN.has(keyword)) {
    report(line, `unknown instruction ${word}${didYouMean(word, KEYWORDS)}`);
    return undefined;
  }
  const { heredocs, unfinished } = takeHeredocs({ keyword, text: after, escape }, reader);
  if (unfinished !== undefined) report(line, `the heredoc ${unfinished} has no end`);
  const parts = readArguments(keyword, after, escape);
  if (checked && parts.text === '') {
    report(line, `${keyword} needs arguments`);
    return undefined;
  }
  return { keyword, line, endLine: reader.line, ...parts, heredocs };
}

function splitKeyword(text: string): { word: string; keyword: string; after: string } {
  const [, word = '', after = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text.trimStart()) ?? [];
  return { word, keyword: word.toUpperCase(), after };
}

function readArguments(
  keyword: string,
  after: string,
  escape: string,
): Pick<Instruction, 'flags' | 'text' | 'json'> {
  // The flags of ONBUILD are those of the instruction within.
  if (keyword === 'ONBUILD') return { flags: [], text: after.trim() };
  const { flags, rest } = takeFlags(after, escape);
  return { flags, text: rest, json: TAKES_JSON.has(keyword) ? readJsonWords(rest) : undefined };
}

/**
 * The instruction within an `ONBUILD`.
 * @throws BuildInputError `ERR_DOCKERFILE_INVALID`
 */
export function parseOnbuild(outer: Instruction, dockerfile: Dockerfile): Instruction {
  const { word, keyword, after } = splitKeyword(outer.text);
  const { line, endLine, heredocs } = outer;
  const parts = readArguments(keyword, after, dockerfile.escape);
  if (KNOWN.has(keyword) && !NEVER_INNER.has(keyword) && parts.text !== '') {
    return { keyword, line, endLine, ...parts, heredocs };
  }
  const message = `ONBUILD takes an instruction, none of ${[...NEVER_INNER].join(', ')}; not ${word}`;
  throw new BuildInputError('ERR_DOCKERFILE_INVALID', [
    { place: { file: dockerfile.file, line, column: 1 }, message },
  ]);
}
