/** Documents that have a published schema. Apart from the schemas, so that listing loads none. */
export const schemaNames: readonly string[] = [
  'pull',
  'report',
  'layers',
  'cache-ls',
  'cache-verify',
  'cache-prune',
  'push',
  'doctor',
  'build',
  'build-plan',
  'runs',
  'tune',
  'event',
];
