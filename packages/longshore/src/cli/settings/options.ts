/** How the text of an option is read. */
export type OptionKind =
  | 'text'
  | 'path'
  | 'list'
  | 'switch'
  | 'count'
  /** A count, or `auto`. */
  | 'width'
  | 'size'
  | 'duration'
  | 'choice';

export interface OptionSpec {
  readonly kind: OptionKind;
  /** One sentence without a full stop; for help, documentation and completion alike. */
  readonly help: string;
  /** What stands for the value in help; switches have none. */
  readonly placeholder?: string;
  /** The default in words; the code that uses the option applies it. */
  readonly defaultText?: string;
  readonly choices?: readonly string[];
  /** For counts. */
  readonly max?: number;
  /** A further short flag. */
  readonly short?: string;
  /** Cannot be set in the file: it makes sense for one invocation only. */
  readonly notInFile?: true;
  /** What a shell completes its value with. */
  readonly completes?: 'file' | 'directory';
}

/**
 * Every option of every command, once. Flags, environment variables (`LONGSHORE_` and the name in
 * upper case), keys of `longshore.yaml` (the name as it is), help, documentation and completion
 * all come from this table; a name means the same for every command.
 */
export const OPTIONS = {
  store: {
    kind: 'path',
    placeholder: 'DIR',
    help: 'Directory of the local store',
    defaultText: '$XDG_DATA_HOME/longshore, or ~/.local/share/longshore',
    completes: 'directory',
  },
  progress: {
    kind: 'choice',
    placeholder: 'MODE',
    choices: ['auto', 'tty', 'plain', 'json', 'quiet'],
    help: 'How progress is shown on stderr',
    defaultText: 'auto: tty on a terminal, plain in CI and in pipes',
  },
  report: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Write the outcome of every image to a JSON file at the end',
    completes: 'file',
  },
  insecure: {
    kind: 'list',
    placeholder: 'HOST',
    help: 'Registry that is spoken to over plain HTTP; loopback always may be (repeatable)',
  },
  ca: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Further certificate authorities to trust, PEM',
    completes: 'file',
  },
  cert: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Client certificate for registries that ask for one, PEM',
    completes: 'file',
  },
  key: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Private key of --cert, PEM',
    completes: 'file',
  },
  config: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Settings file',
    defaultText: './longshore.yaml, else $XDG_CONFIG_HOME/longshore/longshore.yaml',
    notInFile: true,
    completes: 'file',
  },
  verbose: { kind: 'switch', help: 'Show more of what happens, and stack traces of bugs' },
  json: { kind: 'switch', help: 'Print one JSON document on stdout (see longshore schema)' },
  from: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'File with one reference a line (for push and copy with its destination), # comments allowed; - is stdin',
    completes: 'file',
  },
  to: {
    kind: 'list',
    placeholder: 'OUT',
    help: 'Also write the images out, as oci:DIR, layers:DIR, sif:PATH, squashfs:PATH, rootfs:DIR, oci-archive:FILE or docker-archive:FILE; a path with a slash at its end gets a file for each image (repeatable)',
    defaultText: 'the store alone',
  },
  output: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'File to write',
    defaultText: 'stdout, but for bundle create',
    notInFile: true,
    completes: 'file',
  },
  have: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Leave out what the other side has: what bundle inventory printed there',
    defaultText: 'it has nothing',
    notInFile: true,
    completes: 'file',
  },
  name: {
    kind: 'choice',
    placeholder: 'SCHEME',
    choices: ['plain', 'nextflow', 'snakemake', 'nf-core'],
    help: 'How the files of --to are called in a directory, so that a workflow engine finds them',
    defaultText: 'plain',
  },
  compression: {
    kind: 'choice',
    placeholder: 'KIND',
    choices: ['gzip', 'zstd', 'lz4', 'xz'],
    help: 'Compression of --to sif: and squashfs:; gzip mounts everywhere, zstd is faster and smaller',
    defaultText: 'gzip',
  },
  level: {
    kind: 'count',
    placeholder: 'N',
    max: 22,
    help: 'Level of that compression: gzip has 1 to 9, zstd 1 to 22',
    defaultText: '1 for gzip, 3 for zstd',
  },
  'squashfs-dir': {
    kind: 'path',
    placeholder: 'DIR',
    help: 'Where pyxis get keeps squashfs files, one an image, named by digest',
    defaultText: '$XDG_CACHE_HOME/longshore/squashfs, or ~/.cache/longshore/squashfs',
    completes: 'directory',
  },
  'unpack-limit': {
    kind: 'list',
    placeholder: 'NAME=VALUE',
    help: 'What an image may unpack to before it is refused: bytes=SIZE, ratio=N (to its layers), entries=N, names=SIZE (repeatable)',
    defaultText: 'bytes=1TiB, ratio=200, entries=4000000, names=512MiB',
  },
  'warm-apptainer': {
    kind: 'switch',
    help: "Put each SIF into Apptainer's own cache as well, where its version is one that is known",
  },
  reproducible: {
    kind: 'switch',
    help: 'Give equal files for equal images, whenever --to makes them',
  },
  jobs: {
    kind: 'count',
    placeholder: 'N',
    max: 1024,
    help: 'Threads of the converter that --to sif: and squashfs: start, at most what the process may use',
    defaultText: 'what the process may use',
  },
  memory: {
    kind: 'size',
    placeholder: 'SIZE',
    help: 'Memory for the queues and caches of that converter, at most half of what the process may use',
    defaultText: '256MiB, or an eighth of what there is',
  },
  platform: {
    kind: 'text',
    placeholder: 'OS/ARCH[/VARIANT]',
    help: 'Platform to take from images that have several, or all',
    defaultText: 'that of this machine',
  },
  workers: {
    kind: 'width',
    placeholder: 'N',
    max: 256,
    help: 'How many connections carry blobs at once: a number up to 256, or auto, which finds out for each server how many pay',
    defaultText: 'auto',
  },
  'max-connections': {
    kind: 'count',
    placeholder: 'N',
    max: 256,
    help: 'The most connections that --workers auto opens, over all servers',
    defaultText: '64',
  },
  pushers: {
    kind: 'width',
    placeholder: 'N',
    max: 64,
    help: 'How many blobs go to one registry at once: a number up to 64, or auto, which starts with 2 and stays below what the registry bears',
    defaultText: 'auto',
  },
  'chunk-size': {
    kind: 'size',
    placeholder: 'SIZE',
    help: 'Upload in chunks of this size, for proxies that limit bodies; broken uploads then go on where they were',
    defaultText: 'whole blobs',
  },
  file: {
    kind: 'list',
    short: 'f',
    placeholder: 'FILE',
    help: 'What to build: a bake file (HCL, JSON), a compose file, a Dockerfile, or a folder of Dockerfiles (repeatable)',
    defaultText: 'the bake or compose file here, else this folder',
    notInFile: true,
    completes: 'file',
  },
  push: { kind: 'switch', help: 'Push every image as soon as it is built' },
  builder: {
    kind: 'choice',
    placeholder: 'NAME',
    choices: ['auto', 'buildx', 'engine', 'buildah', 'assemble'],
    help: 'What builds',
    defaultText: 'auto, which takes the best that is here and says why',
  },
  builders: {
    kind: 'count',
    placeholder: 'N',
    max: 1024,
    help: 'How many builds run at once',
    defaultText: 'twice as many as there are processors; as many with assemble',
  },
  'max-unpushed': {
    kind: 'size',
    placeholder: 'SIZE',
    help: 'Builds wait while more than this is built and not pushed',
    defaultText: '10GB',
  },
  registry: {
    kind: 'text',
    placeholder: 'PREFIX',
    help: 'Put this before every name that names no registry; what has no name becomes PREFIX/TARGET:latest',
  },
  tag: {
    kind: 'text',
    placeholder: 'TAG',
    help: 'Tag that all images get in place of their own',
  },
  set: {
    kind: 'list',
    placeholder: 'TARGET.KEY=VALUE',
    help: 'Change a target of the specification, as bake does (repeatable)',
    notInFile: true,
  },
  profile: {
    kind: 'list',
    placeholder: 'NAME',
    help: 'Profile of a compose file to build as well (repeatable)',
    defaultText: '$COMPOSE_PROFILES',
  },
  junit: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Write the outcome of every image as JUnit XML at the end',
    completes: 'file',
  },
  publish: {
    kind: 'choice',
    placeholder: 'WHEN',
    choices: ['each', 'all-or-none'],
    help: 'When tags move: each when its image is up, or none before all are up',
    defaultText: 'each',
  },
  'limit-rate': {
    kind: 'text',
    placeholder: 'RATE',
    help: 'Bytes a second over all connections, for example 20MB/s; @FILE reads it from a file, which may be changed while the pull runs',
    defaultText: 'no limit',
  },
  mirror: {
    kind: 'list',
    placeholder: 'HOST=MIRROR',
    help: 'Ask MIRROR (a host, with a path where its repositories have a prefix) before HOST; several are asked in their order (repeatable)',
  },
  serial: { kind: 'switch', help: 'One blob at a time, each as a whole' },
  'fail-fast': { kind: 'switch', help: 'Stop at the first image that fails' },
  'dry-run': { kind: 'switch', help: 'Say what would be done, and do nothing' },
  repair: { kind: 'switch', help: 'Remove what is damaged, so that the next pull fetches it anew' },
  'max-size': {
    kind: 'size',
    placeholder: 'SIZE',
    help: 'Remove the longest unused images until the store is at most this large',
  },
  'unused-for': {
    kind: 'duration',
    placeholder: 'DURATION',
    help: 'Remove images that nobody has used for this long, for example 30d',
  },
  yes: { kind: 'switch', help: 'Do not ask', notInFile: true },
  username: {
    kind: 'text',
    short: 'u',
    placeholder: 'NAME',
    help: 'User name; asked for where it is missing',
  },
  'password-stdin': {
    kind: 'switch',
    help: 'Read the password from stdin',
    notInFile: true,
  },
  write: {
    kind: 'text',
    placeholder: 'REPO',
    help: 'Repository, with its registry, that doctor may upload some bytes to; without it nothing is written to any registry',
    notInFile: true,
  },
  widths: {
    kind: 'text',
    placeholder: 'LIST',
    help: 'Counts of workers (tune push: of pushers) to compare, for example 1-30 or 1,2,4,8,auto',
    defaultText: '1,2,3,4,6,8,12,16,24,32,auto; of pushers 1,2,3,4,6,8,12,16,auto',
    notInFile: true,
  },
  scratch: {
    kind: 'text',
    placeholder: 'PATH',
    help: 'Begin of the names of the repositories that tune push makes, one for each run, on the registry of DEST',
    defaultText: 'the repository of DEST with -tune',
    notInFile: true,
  },
  blocks: {
    kind: 'count',
    placeholder: 'N',
    max: 1000,
    help: 'The most blocks to measure; each has every width once, in random order',
    defaultText: '20, fewer where precision is reached',
    notInFile: true,
  },
  budget: {
    kind: 'duration',
    placeholder: 'DURATION',
    help: 'Begin no block that would end later than this',
    defaultText: '8m',
    notInFile: true,
  },
  gap: {
    kind: 'duration',
    placeholder: 'DURATION',
    help: 'Pause before each measured run',
    defaultText: '500ms',
    notInFile: true,
  },
  design: {
    kind: 'choice',
    placeholder: 'DESIGN',
    choices: ['blocks', 'as-published'],
    help: 'Order of the runs: random within blocks, or rising with one run each as first published',
    defaultText: 'blocks',
    notInFile: true,
  },
  parity: {
    kind: 'switch',
    help: 'Measure 4 to 12 workers as well, to test odd against even',
    notInFile: true,
  },
  seed: {
    kind: 'count',
    placeholder: 'N',
    max: 1_000_000_000,
    help: 'Seed of the random order and of the analysis',
    defaultText: 'a random one, kept in the results',
    notInFile: true,
  },
  out: {
    kind: 'path',
    placeholder: 'DIR',
    help: 'Directory for results and report',
    defaultText: './tune-DATE-TIME for tune pull and tune push, none for the others',
    notInFile: true,
    completes: 'directory',
  },
  resume: {
    kind: 'switch',
    help: 'Go on with the experiment whose results are in --out',
    notInFile: true,
  },
  apply: {
    kind: 'switch',
    help: 'Let --workers auto (after tune push: --pushers auto) start from the answer on this registry, for 30 days',
    notInFile: true,
  },
  pictures: {
    kind: 'switch',
    help: 'Draw pictures for the report',
    defaultText: 'on',
    notInFile: true,
  },
} as const;

export type OptionName = keyof typeof OPTIONS;

export const OPTION_NAMES: readonly OptionName[] = Object.keys(OPTIONS) as OptionName[];

/** What every command takes. */
export const GLOBAL_OPTIONS: readonly OptionName[] = ['config', 'verbose'];

export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/** The row of the table, seen through its general type. */
export function optionSpec(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

/** `LONGSHORE_FAIL_FAST` for `fail-fast`. */
export function environmentName(name: OptionName): string {
  return `LONGSHORE_${name.replaceAll('-', '_').toUpperCase()}`;
}
