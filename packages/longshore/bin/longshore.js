#!/usr/bin/env node
// Sets what must be set before Node's thread pool starts, then runs the build, or the sources in a checkout.
process.env.UV_THREADPOOL_SIZE ??= '8';
const built = new URL('../dist/cli/main.js', import.meta.url);
const { existsSync } = await import('node:fs');
await import(existsSync(built) ? built.href : '../src/cli/main.ts');
