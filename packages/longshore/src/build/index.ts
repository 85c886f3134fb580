/** Builds: specifications become a graph of targets, builders make images of them in the store. */

export { type AssembleOptions, openAssembleBuilder } from './assemble/openAssemble.ts';
export type { LayerCompression } from './assemble/writeLayer.ts';
export { type OpenedBuilder, openBuilder } from './builder/open.ts';
export type {
  BuildahOptions,
  BuilderOptions,
  BuildxOptions,
  Environment,
} from './builder/options.ts';
export type { Builder, BuilderName, BuildRequest, BuildStep } from './builder.ts';
export { BuildInputError, type BuildProblem, formatPlace, formatProblem } from './problems.ts';
export { type BakeRun, type RunBake, spawnBake } from './spec/bake/runBake.ts';
export type { ReadBuildGraphOptions } from './spec/options.ts';
export { readBuildGraph } from './spec/readBuildGraph.ts';
export type {
  BuildEdge,
  BuildGraph,
  BuildSecret,
  BuildSsh,
  BuildTarget,
  BuiltImage,
  CacheEntry,
  NamedContext,
  SourcePlace,
} from './target.ts';
