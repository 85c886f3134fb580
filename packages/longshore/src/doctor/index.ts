/** What limits this machine and a registry, and what to change. */
export { diagnose } from './diagnose.ts';
export { type BuilderProbeOptions, probeBuilders } from './probes/builders.ts';
export { probeMachine } from './probes/machine.ts';
export { programRunner, type ReadText } from './probes/program.ts';
export { probeRegistry, type RegistryProbeOptions } from './probes/registry.ts';
export { probeStore } from './probes/store.ts';
export type { Diagnosis, Facts, Finding } from './types.ts';
