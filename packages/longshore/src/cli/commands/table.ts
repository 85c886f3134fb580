import type { OptionName } from '../settings/options.ts';
import type { RunCommand } from './context.ts';

/** One command as data: help, completion, documentation and the parser are made from it. */
export interface CommandSpec {
  /** Words that call it: `cache prune`. */
  readonly name: string;
  /** Arguments in commander's notation: `[REF...]`, `<HOST>`. */
  readonly args: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  readonly options: readonly OptionName[];
  readonly examples: readonly string[];
  /** Imports the command's code; kept apart so that no command pays for another. */
  readonly load: () => Promise<RunCommand>;
}

const REGISTRY: readonly OptionName[] = ['mirror', 'insecure', 'ca', 'cert', 'key'];

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'pull',
    args: '[REF...]',
    summary: 'Pull images into the local store, in parallel, verified, resumable',
    options: [
      'from',
      'to',
      'name',
      'compression',
      'reproducible',
      'jobs',
      'memory',
      'platform',
      'workers',
      'max-connections',
      'serial',
      'limit-rate',
      'fail-fast',
      'dry-run',
      'report',
      'json',
      'progress',
      'store',
      ...REGISTRY,
    ],
    examples: [
      'longshore pull debian:12 ghcr.io/owner/name:1.0',
      'longshore pull --from images.txt --report report.json',
      'longshore pull debian:12 --to layers:./layers',
      'longshore pull --from images.txt --to sif:./images/ --name nextflow',
    ],
    load: async () => (await import('./pull.ts')).runPull,
  },
  {
    name: 'push',
    args: '[REF...]',
    summary: 'Push images of the local store to registries, as REF or REF=DEST',
    options: [
      'from',
      'pushers',
      'chunk-size',
      'publish',
      'fail-fast',
      'report',
      'json',
      'progress',
      'store',
      ...REGISTRY,
    ],
    examples: [
      'longshore push registry.lab/team/app:1',
      'longshore push debian:12=registry.lab/mirror/debian:12 --pushers 3',
      'longshore push --from images.txt --publish all-or-none',
    ],
    load: async () => (await import('./push.ts')).runPush,
  },
  {
    name: 'copy',
    args: '[SRC] [DEST]',
    summary: 'Copy images from registry to registry, verified on the way through the local store',
    options: [
      'from',
      'platform',
      'workers',
      'pushers',
      'chunk-size',
      'publish',
      'fail-fast',
      'report',
      'json',
      'progress',
      'store',
      ...REGISTRY,
    ],
    examples: [
      'longshore copy debian:12 registry.lab/mirror/debian:12',
      'longshore copy --from pairs.txt --report report.json',
    ],
    load: async () => (await import('./copy.ts')).runCopy,
  },
  {
    name: 'lock',
    args: '[REF...]',
    summary: 'Write down what references lead to now, as a list of NAME@DIGEST that --from reads',
    options: ['from', 'output', ...REGISTRY],
    examples: [
      'longshore lock --from images.txt --output images.lock',
      'longshore pull --from images.lock',
    ],
    load: async () => (await import('./lock.ts')).runLock,
  },
  {
    name: 'bundle create',
    args: '[REF...]',
    summary: 'Pack images of the local store into one file for a place without a network',
    options: ['from', 'output', 'have', 'store'],
    examples: ['longshore bundle create --from images.lock --have far.txt --output images.bundle'],
    load: async () => (await import('./bundleCreate.ts')).runBundleCreate,
  },
  {
    name: 'bundle inventory',
    args: '',
    summary: 'List the digests that the local store has in whole images, for bundle create --have',
    options: ['output', 'store'],
    examples: ['longshore bundle inventory --output far.txt'],
    load: async () => (await import('./bundleInventory.ts')).runBundleInventory,
  },
  {
    name: 'bundle import',
    args: '<FILE>',
    summary: 'Take a bundle into the local store, every blob checked against its digest',
    options: ['store'],
    examples: ['longshore bundle import images.bundle'],
    load: async () => (await import('./bundleImport.ts')).runBundleImport,
  },
  {
    name: 'layers',
    args: '<REF>',
    summary: "Print the digests and sizes of an image's layers, base first",
    options: ['platform', 'json', 'store', ...REGISTRY],
    examples: ['longshore layers debian:12', 'longshore layers debian:12 --json'],
    load: async () => (await import('./layers.ts')).runLayers,
  },
  {
    name: 'cache path',
    args: '',
    summary: 'Print where the store is',
    options: ['store'],
    examples: ['skopeo inspect "oci:$(longshore cache path):docker.io/library/debian:12"'],
    load: async () => (await import('./cachePath.ts')).runCachePath,
  },
  {
    name: 'cache ls',
    args: '',
    summary: 'List the images in the store',
    options: ['json', 'store'],
    examples: ['longshore cache ls'],
    load: async () => (await import('./cacheLs.ts')).runCacheLs,
  },
  {
    name: 'cache verify',
    args: '',
    summary: 'Read every blob of the store again and check its digest',
    options: ['repair', 'json', 'store'],
    examples: ['longshore cache verify --repair'],
    load: async () => (await import('./cacheVerify.ts')).runCacheVerify,
  },
  {
    name: 'cache prune',
    args: '',
    summary: 'Remove what no image needs, and images by age or to fit a size',
    options: ['max-size', 'unused-for', 'dry-run', 'json', 'store'],
    examples: ['longshore cache prune --unused-for 30d', 'longshore cache prune --max-size 50GB'],
    load: async () => (await import('./cachePrune.ts')).runCachePrune,
  },
  {
    name: 'cache clear',
    args: '',
    summary: 'Remove everything from the store',
    options: ['yes', 'store'],
    examples: ['longshore cache clear --yes'],
    load: async () => (await import('./cacheClear.ts')).runCacheClear,
  },
  {
    name: 'login',
    args: '<HOST>',
    summary: 'Check credentials with a registry and save them where Docker keeps its own',
    options: ['username', 'password-stdin', ...REGISTRY],
    examples: [
      'longshore login ghcr.io',
      'pass show ghcr | longshore login ghcr.io --username me --password-stdin',
    ],
    load: async () => (await import('./login.ts')).runLogin,
  },
  {
    name: 'logout',
    args: '<HOST>',
    summary: 'Remove the saved credentials of a registry',
    options: [],
    examples: ['longshore logout ghcr.io'],
    load: async () => (await import('./logout.ts')).runLogout,
  },
  {
    name: 'tune pull',
    args: '<REF...>',
    summary: 'Measure how many workers pull fastest from this registry to this machine',
    options: [
      'widths',
      'serial',
      'parity',
      'blocks',
      'budget',
      'gap',
      'design',
      'seed',
      'out',
      'resume',
      'apply',
      'pictures',
      'platform',
      'json',
      'progress',
      ...REGISTRY,
    ],
    examples: [
      'longshore tune pull debian:12 --out tune-debian',
      'longshore tune pull debian:12 --widths 1-30 --design as-published',
    ],
    load: async () => (await import('./tunePull.ts')).runTunePull,
  },
  {
    name: 'tune replay',
    args: '[FILE]',
    summary:
      'Analyse a recorded sweep (CSV) or earlier results (JSON); without a file, the sweep that Longshore began with',
    options: ['out', 'pictures', 'json'],
    examples: ['longshore tune replay', 'longshore tune replay sweep.csv --out report'],
    load: async () => (await import('./tuneReplay.ts')).runTuneReplay,
  },
  {
    name: 'tune compare',
    args: '<RESULTS...>',
    summary: 'Put the results of several machines, registries or days side by side',
    options: ['out'],
    examples: ['longshore tune compare lab/results.json home/results.json --out both'],
    load: async () => (await import('./tuneCompare.ts')).runTuneCompare,
  },
  {
    name: 'demo',
    args: '',
    summary: 'Show the whole story on this machine alone: no Docker, no network',
    options: ['progress'],
    examples: ['longshore demo'],
    load: async () => (await import('./demo.ts')).runDemo,
  },
  {
    name: 'schema',
    args: '[NAME]',
    summary: 'Print the JSON Schema of a document that longshore writes; without a name, list them',
    options: [],
    examples: ['longshore schema', 'longshore schema pull'],
    load: async () => (await import('./schema.ts')).runSchema,
  },
  {
    name: 'completion',
    args: '<SHELL>',
    summary: 'Print a completion script for bash, zsh or fish',
    options: [],
    examples: ['source <(longshore completion bash)'],
    load: async () => (await import('./completion.ts')).runCompletion,
  },
];

/** What stands above several commands in help. */
export const GROUPS: Readonly<Record<string, string>> = {
  bundle: 'Carry images to where there is no network',
  cache: 'Look after the local store',
  tune: 'Find out how many workers pay',
};
