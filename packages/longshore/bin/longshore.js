#!/usr/bin/env node
// Sets what must be set before Node's thread pool starts, then runs the sources in a checkout, or
// the build in an installed package (which ships no sources).
process.env.UV_THREADPOOL_SIZE ??= '8';
const { existsSync } = await import('node:fs');
const sources = new URL('../src/cli/main.ts', import.meta.url);
await import(existsSync(sources) ? sources.href : '../dist/cli/main.js');
