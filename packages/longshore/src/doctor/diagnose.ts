import { judgeBuilders } from './judge/builders.ts';
import { judgeMachine } from './judge/machine.ts';
import { judgeRegistry } from './judge/registry.ts';
import { judgeStore } from './judge/store.ts';
import type { Diagnosis, Facts, Finding } from './types.ts';

/** What the facts come to: everything worth saying, and what is narrowest. Pure. */
export function diagnose({ machine, store, builders, registry }: Facts): Diagnosis {
  const findings = [
    ...judgeMachine(machine),
    ...judgeStore(store),
    ...judgeBuilders(builders),
    ...(registry === undefined ? [] : judgeRegistry(registry)),
  ];
  const blocker = findings.find(({ level }) => level === 'blocker');
  return {
    findings,
    narrowest: blocker ?? narrowestGate(findings),
    canStart: blocker === undefined,
  };
}

function narrowestGate(findings: readonly Finding[]): Finding | undefined {
  const gates = findings.filter(({ gate }) => gate !== undefined);
  return gates.toSorted((a, b) => (a.gate?.width ?? 0) - (b.gate?.width ?? 0))[0];
}
