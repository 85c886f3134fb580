// The one direction imports may take; see docs/architecture.md.
const rooms = {
  image: [],
  concurrency: [],
  registry: ['image', 'concurrency'],
  store: ['image', 'concurrency'],
  transfer: ['image', 'concurrency', 'registry', 'store'],
  serve: ['image', 'concurrency', 'registry', 'store', 'transfer'],
  export: ['image', 'concurrency', 'registry', 'store', 'transfer'],
  tune: ['image', 'concurrency', 'registry', 'store', 'transfer', 'serve'],
  build: ['image', 'concurrency', 'registry', 'store', 'transfer', 'export', 'serve'],
  run: ['image', 'concurrency', 'registry', 'store', 'transfer', 'export', 'build'],
  doctor: ['image', 'concurrency', 'registry', 'store', 'transfer'],
  cli: [
    'image',
    'concurrency',
    'registry',
    'store',
    'transfer',
    'serve',
    'export',
    'tune',
    'build',
    'run',
    'doctor',
  ],
};
const src = 'packages/longshore/src';

const direction = Object.entries(rooms).map(([room, allowed]) => ({
  name: `${room}-imports-only-what-is-below-it`,
  severity: 'error',
  from: { path: `^${src}/${room}/` },
  to: {
    path: `^${src}/([^/]+)/`,
    pathNot: `^${src}/(${[room, ...allowed].join('|')})/`,
  },
}));

const doors = Object.keys(rooms).map((room) => ({
  name: `${room}-is-entered-by-its-index`,
  comment: 'Other rooms use what index.ts names, nothing past it.',
  severity: 'error',
  from: { path: `^${src}/`, pathNot: `^${src}/${room}/` },
  to: { path: `^${src}/${room}/`, pathNot: `^${src}/${room}/index\\.ts$` },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment:
        'Types are gone at run time and import() comes after loading: neither closes a cycle.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['dynamic-import', 'type-only'] } },
    },
    {
      name: 'src-does-not-import-tests',
      severity: 'error',
      from: { path: `^${src}/` },
      to: { path: '/(test|bench|examples)/' },
    },
    ...direction,
    ...doors,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
