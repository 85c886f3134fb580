import { type MatchedSource, matchSources } from '../context/matchSources.ts';
import { belowRoot, toByteName } from '../context/names.ts';
import type { SourceNode, SourceTree } from '../context/sourceTree.ts';
import { expandWord } from '../dockerfile/expand.ts';
import type { Heredoc, Instruction } from '../dockerfile/types.ts';
import { splitWords } from '../dockerfile/words.ts';
import type { ConfigScope } from './configInstructions.ts';
import { type CopyRequest, copyInto } from './copyInto.ts';
import { instructionError } from './errors.ts';
import { LayerDraft, ROOT_OWNER } from './layerDraft.ts';
import { readOwner } from './owner.ts';
import type { StageTree } from './stageTree.ts';
import { asArchive, unpackInto } from './unpackInto.ts';

export interface FileScope extends ConfigScope {
  readonly tree: StageTree;
  /** What `--from` names; the build context for nothing. */
  readonly openSource: (from: string | undefined) => Promise<SourceTree>;
  readonly onLog: (line: string) => void;
  readonly signal: AbortSignal;
}

const COPY_FLAGS = new Set(['from', 'chown', 'chmod', 'link', 'parents', 'exclude']);
const ADD_FLAGS = new Set([
  'chown',
  'chmod',
  'link',
  'exclude',
  'unpack',
  'keep-git-dir',
  'checksum',
]);

/** `ADD` of what is not on this machine. */
export function isRemote(source: string): boolean {
  return /^(?:https?|git|ssh|ftp):\/\/|^git@/i.test(source);
}

/** @returns what the instruction adds to the stage */
export async function runCopy(instruction: Instruction, scope: FileScope): Promise<LayerDraft> {
  const isAdd = instruction.keyword === 'ADD';
  const flags = readFlags(instruction, scope);
  const { sources, heredocs, destination } = readWords(instruction, scope);
  if (isAdd && sources.some(isRemote))
    throw instructionError('assemble fetches nothing: COPY a file');
  const draft = new LayerDraft(scope.tree);
  const owner =
    flags.chown === undefined ? undefined : await readOwner(flags.chown, scope.tree, scope.signal);
  const source = await scope.openSource(flags.from);
  const matched: MatchedSource[] = [];
  for (const written of sources) matched.push(...(await matchSources(source, written)));
  const all = [...matched, ...heredocs.map((heredoc) => heredocSource(heredoc, scope))];
  if (all.length === 0) {
    throw instructionError(`nothing in ${source.name} matches ${sources.join(' ')}`);
  }
  const intoDirectory = /(?:^|\/)\.?$/.test(destination);
  if (all.length > 1 && !intoDirectory) {
    const target = scope.tree.look(scope.tree.resolve(absolute(destination, scope)));
    if (target?.type !== 'directory') {
      throw instructionError(
        'several sources need a directory to go to',
        `End the destination in a slash: ${destination}/`,
      );
    }
  }
  const request: CopyRequest = {
    draft,
    source,
    destination: absolute(destination, scope),
    intoDirectory,
    owner,
    mode: flags.mode,
    exclude: flags.exclude,
    parents: flags.parents,
    onSkip: scope.onLog,
    signal: scope.signal,
  };
  for (const one of all) {
    const archive =
      isAdd && flags.unpack ? await asArchive(one.node, one.written, scope.signal) : undefined;
    if (archive === undefined) await copyInto(request, one);
    else await unpackInto(draft, archive, request);
  }
  return draft;
}

/** `WORKDIR`: the directory is made, and belongs to `USER`, as for Docker and buildah. */
export async function runWorkdir(instruction: Instruction, scope: FileScope): Promise<LayerDraft> {
  const { config, variables, tree, signal } = scope;
  const path = absolute(toByteName(variables.expand(instruction.text)), scope);
  config.fields.workingDir = `/${Buffer.from(path, 'latin1').toString('utf8')}`;
  const draft = new LayerDraft(tree);
  const target = tree.resolve(path);
  if (tree.look(target)?.type === 'directory') return draft;
  const { user } = config.fields;
  draft.makeDirectory(target, user === '' ? ROOT_OWNER : await readOwner(user, tree, signal));
  return draft;
}

/** Relative paths start at the working directory. */
function absolute(path: string, { config }: ConfigScope): string {
  const base = path.startsWith('/') ? '' : `${toByteName(config.fields.workingDir)}/`;
  return belowRoot(base + path);
}

interface CopyFlags {
  readonly from: string | undefined;
  readonly chown: string | undefined;
  readonly mode: number | undefined;
  readonly exclude: readonly string[];
  readonly parents: boolean;
  readonly unpack: boolean;
}

function readFlags(instruction: Instruction, { variables }: FileScope): CopyFlags {
  const known = instruction.keyword === 'ADD' ? ADD_FLAGS : COPY_FLAGS;
  for (const { name } of instruction.flags) {
    if (!known.has(name)) throw instructionError(`--${name} is not an option of it`);
  }
  const values = (name: string): string[] =>
    instruction.flags.flatMap((flag) => (flag.name === name ? [flag.value ?? ''] : []));
  const last = (name: string): string | undefined => values(name).at(-1);
  const isSet = (name: string, fallback: boolean): boolean => {
    const value = last(name);
    return value === undefined ? fallback : value !== 'false' && value !== '0';
  };
  const chown = last('chown');
  const chmod = last('chmod');
  return {
    from: last('from'),
    chown: chown === undefined ? undefined : variables.expand(chown),
    mode: chmod === undefined ? undefined : readMode(variables.expand(chmod)),
    exclude: values('exclude').map((pattern) => variables.expand(pattern)),
    parents: isSet('parents', false),
    unpack: isSet('unpack', true),
  };
}

function readMode(text: string): number {
  if (/^[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  throw instructionError(`--chmod=${text} is no octal mode`, 'Write it in digits: --chmod=755');
}

interface CopyWords {
  readonly sources: readonly string[];
  readonly heredocs: readonly Heredoc[];
  /** Bytes, its slash at the end kept. */
  readonly destination: string;
}

function readWords(instruction: Instruction, { variables, escape }: FileScope): CopyWords {
  const words = [...(instruction.json ?? splitWords(instruction.text, escape))];
  const destination = words.pop();
  if (destination === undefined || words.length === 0) {
    throw instructionError('it takes at least one source and a destination');
  }
  const sources = words.filter((word) => instruction.heredocs.length === 0 || !/^\d*<</.test(word));
  return {
    sources: sources.map((word) => variables.expand(word)),
    heredocs: instruction.heredocs,
    destination: toByteName(variables.expand(destination)),
  };
}

function heredocSource(heredoc: Heredoc, { variables }: FileScope): MatchedSource {
  const bytes = Buffer.from(
    heredoc.expand ? expandText(heredoc.content, variables.lookup) : heredoc.content,
  );
  const node: SourceNode = {
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
    size: bytes.length,
    linkPath: '',
    content: { kind: 'bytes', bytes },
  };
  const name = toByteName(heredoc.name);
  return { name, written: name, path: name, node, pivot: 0 };
}

/** Variables and escapes of a text, its quotes kept. */
function expandText(text: string, lookup: (name: string) => string | undefined): string {
  const quoted = text.replace(/\\[\s\S]|["']/g, (found) =>
    found.length > 1 ? found : `\\${found}`,
  );
  return expandWord(quoted, { escape: '\\', lookup });
}
