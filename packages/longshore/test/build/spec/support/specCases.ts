import { BAKE_CASES, HCL_CASES } from './bakeCases.ts';
import { COMPOSE_CASES } from './composeCases.ts';
import type { SpecCase } from './specCase.ts';

export type { SpecCase } from './specCase.ts';

/** By kind and name, each with the files that it is read from. */
export const ALL_CASES: readonly (SpecCase & {
  readonly name: string;
  readonly specs: readonly string[];
})[] = [
  ...named('JSON', BAKE_CASES, 'docker-bake.json'),
  ...named('compose', COMPOSE_CASES, 'compose.yaml'),
  ...named('HCL', HCL_CASES, 'docker-bake.hcl'),
];

function named(
  kind: string,
  cases: Readonly<Record<string, SpecCase>>,
  file: string,
): (SpecCase & { readonly name: string; readonly specs: readonly string[] })[] {
  return Object.entries(cases).map(([name, one]) =>
    Object.assign(one, { name: `${kind}: ${name}`, specs: one.specs ?? [file] }),
  );
}
