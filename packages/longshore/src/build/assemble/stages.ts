import type { Descriptor, Digest, Platform } from '../../image/index.ts';
import { parsePlatform } from '../../image/index.ts';
import type { BuildRequest } from '../builder.ts';
import { FolderTree } from '../context/folderTree.ts';
import { type IgnoreFile, readIgnoreFile } from '../context/readIgnore.ts';
import type { SourceTree } from '../context/sourceTree.ts';
import { parseOnbuild } from '../dockerfile/parse.ts';
import { findStage, type Stage, type Stages } from '../dockerfile/stages.ts';
import type { Dockerfile, Instruction } from '../dockerfile/types.ts';
import type { BaseImage } from './baseImages.ts';
import { ConfigDraft } from './configDraft.ts';
import { CONFIG_INSTRUCTIONS } from './configInstructions.ts';
import { atInstruction, instructionError, stepName } from './errors.ts';
import { type FileScope, runCopy, runWorkdir } from './fileInstructions.ts';
import type { LayerMember } from './layerBytes.ts';
import type { LayerDraft } from './layerDraft.ts';
import { StageTree } from './stageTree.ts';
import { Variables } from './variables.ts';

export type StageLayer =
  | { readonly kind: 'base'; readonly descriptor: Descriptor; readonly diffId: Digest | undefined }
  | { readonly kind: 'made'; readonly members: readonly LayerMember[] };

/** What a stage comes to: everything but the bytes of its layers. */
export interface StageResult {
  readonly config: ConfigDraft;
  readonly tree: StageTree;
  readonly layers: readonly StageLayer[];
}

export interface StagesScope {
  readonly request: BuildRequest;
  readonly dockerfile: Dockerfile;
  readonly stages: Stages;
  readonly predefined: Readonly<Record<string, string>>;
  readonly platform: Platform;
  readonly context: { readonly path: string; readonly ignore: IgnoreFile };
  /** An image by what the Dockerfile calls it. */
  readonly openImage: (name: string, platform: Platform) => Promise<BaseImage>;
  /** ISO 8601, for the history. */
  readonly created: string;
  readonly onInstruction: (instruction: Instruction) => void;
}

/** Evaluates the stages of one Dockerfile for one platform, each at most once, and only when asked for. */
export class StageBuilder {
  readonly #scope: StagesScope;
  readonly #results = new Map<number, Promise<StageResult>>();

  constructor(scope: StagesScope) {
    this.#scope = scope;
  }

  build(stage: Stage): Promise<StageResult> {
    const known = this.#results.get(stage.index);
    if (known !== undefined) return known;
    const result = this.#evaluate(stage);
    this.#results.set(stage.index, result);
    return result;
  }

  async #evaluate(stage: Stage): Promise<StageResult> {
    const { dockerfile } = this.#scope;
    const { from } = stage;
    const where = { target: this.#scope.request.target.name, file: dockerfile.file };
    this.#scope.onInstruction(from);
    let start: StageResult;
    try {
      start = await this.#start(stage);
    } catch (error) {
      throw atInstruction(error, where, from);
    }
    const { config, tree } = start;
    const layers = [...start.layers];
    const triggers = config.fields.onBuild.map((text) =>
      parseOnbuild({ ...from, keyword: 'ONBUILD', text, flags: [], heredocs: [] }, dockerfile),
    );
    config.fields.onBuild = [];
    const scope = this.#fileScope(stage, config, tree);
    for (const instruction of [...triggers, ...stage.instructions]) {
      this.#scope.request.signal.throwIfAborted();
      this.#scope.onInstruction(instruction);
      try {
        const draft = await runInstruction(instruction, scope);
        const members = draft?.members() ?? [];
        if (members.length > 0) layers.push({ kind: 'made', members });
        config.addHistory(this.#scope.created, stepName(instruction), members.length === 0);
      } catch (error) {
        throw atInstruction(error, where, instruction);
      }
    }
    return { config, tree, layers };
  }

  async #start(stage: Stage): Promise<StageResult> {
    const { platform, stages, request } = this.#scope;
    const isNamed = Object.hasOwn(request.target.contexts, stage.base);
    if (stage.baseStage !== undefined && !isNamed) {
      const base = stages.stages[stage.baseStage];
      if (base === undefined) throw instructionError(`there is no stage ${stage.base}`);
      const { config, tree, layers } = await this.build(base);
      return { config: config.fork(), tree: tree.fork(nameOf(stage)), layers };
    }
    const wanted = stage.platform === undefined ? platform : parsePlatform(stage.platform);
    if (stage.base === 'scratch' && !isNamed) {
      const tree = new StageTree(nameOf(stage), undefined);
      return { config: ConfigDraft.empty(wanted), tree, layers: [] };
    }
    const base = await this.#scope.openImage(stage.base, wanted);
    const files = this.#needsFiles(stage) ? await base.files(request.signal) : undefined;
    return {
      config: ConfigDraft.of(base.image),
      tree: new StageTree(nameOf(stage), files),
      layers: base.layers.map((descriptor, i) => ({
        kind: 'base',
        descriptor,
        diffId: base.image.config.diffIds[i],
      })),
    };
  }

  /** A base of which only the config changes need not be read. */
  #needsFiles(stage: Stage): boolean {
    const { stages } = this.#scope.stages;
    const touches = (one: Stage): boolean =>
      one.instructions.some(({ keyword }) => ['COPY', 'ADD', 'WORKDIR'].includes(keyword));
    // Whoever copies from it or goes on from it comes later in the file.
    return touches(stage) || stages.length > stage.index + 1;
  }

  #fileScope(stage: Stage, config: ConfigDraft, tree: StageTree): FileScope {
    const { dockerfile, request, stages, predefined } = this.#scope;
    const given = request.target.args;
    const variables = new Variables(
      { given, globals: stages.globalArgs, predefined },
      config,
      dockerfile.escape,
    );
    return {
      config,
      variables,
      escape: dockerfile.escape,
      tree,
      openSource: (from) => this.#openSource(from, stage),
      onLog: request.onLog,
      signal: request.signal,
    };
  }

  async #openSource(from: string | undefined, stage: Stage): Promise<SourceTree> {
    const { request, stages, context, platform } = this.#scope;
    if (from === undefined) return new FolderTree(context.path, { rules: context.ignore.rules });
    const { contexts } = request.target;
    const named = Object.hasOwn(contexts, from) ? contexts[from] : undefined;
    if (named?.kind === 'folder') {
      const { rules } = await readIgnoreFile(named.path, undefined);
      return new FolderTree(named.path, { name: `the context ${from}`, rules });
    }
    const earlier = findStage(stages.stages.slice(0, stage.index), from);
    if (named === undefined && earlier !== undefined) return (await this.build(earlier)).tree;
    const image = await this.#scope.openImage(from, platform);
    return new StageTree(`the image ${from}`, await image.files(request.signal));
  }
}

async function runInstruction(
  instruction: Instruction,
  scope: FileScope,
): Promise<LayerDraft | undefined> {
  const { keyword } = instruction;
  if (keyword === 'COPY' || keyword === 'ADD') return runCopy(instruction, scope);
  if (keyword === 'WORKDIR') return runWorkdir(instruction, scope);
  const handler = CONFIG_INSTRUCTIONS.get(keyword);
  if (handler === undefined) {
    throw instructionError(
      'assemble runs nothing',
      'Build it with another builder: --builder buildah, buildx or engine',
    );
  }
  handler(instruction, scope);
  return undefined;
}

function nameOf(stage: Stage): string {
  return `the stage ${stage.name ?? stage.index}`;
}
