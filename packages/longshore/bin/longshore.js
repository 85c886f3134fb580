#!/usr/bin/env node
// Runs the sources in a checkout, or the build in an installed package (which ships no sources).

const NODE_NEEDED = 24;

if (Number.parseInt(process.versions.node, 10) < NODE_NEEDED) {
  process.stderr.write(
    `longshore: it needs Node.js ${NODE_NEEDED} or newer; this is ${process.version}\n`,
  );
  process.exitCode = 3;
} else {
  await start();
}

async function start() {
  // Not imported: that reads every property of it, and some load what nobody asked for (5 ms).
  const { existsSync, readFileSync } = process.getBuiltinModule('node:fs');
  // Scripts ask this again and again: the program is not loaded for it.
  if (process.argv.length === 3 && process.argv[2] === '--version') {
    const facts = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    process.stdout.write(`${JSON.parse(facts).version}\n`);
    return;
  }
  // Before anything makes Node start its thread pool.
  process.env.UV_THREADPOOL_SIZE ??= '8';
  const cache = cacheFolder();
  const { createRequire, enableCompileCache } = process.getBuiltinModule('node:module');
  if (cache !== undefined) enableCompileCache(`${cache}/compiled`);
  const sources = new URL('../src/cli/main.ts', import.meta.url);
  if (existsSync(sources)) return (await import(sources.href)).main();
  const require = createRequire(import.meta.url);
  const { loadBundle } = require('../dist/cli/loadBundle.cjs');
  return loadBundle(require.resolve('../dist/cli/main.cjs'), cache && `${cache}/bundle`).main();
}

// For compiled code, in the user's own cache folder: in Node's default below /tmp, anybody on the
// machine could put code there first.
function cacheFolder() {
  const { XDG_CACHE_HOME, HOME, NODE_DISABLE_COMPILE_CACHE } = process.env;
  const base = XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : HOME && `${HOME}/.cache`;
  return !base || NODE_DISABLE_COMPILE_CACHE ? undefined : `${base}/longshore`;
}
