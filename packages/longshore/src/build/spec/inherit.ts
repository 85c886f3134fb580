import { didYouMean } from '../../suggest.ts';
import type { TargetDraft } from './draft.ts';
import { mergeBodies } from './mergeTargets.ts';
import { readTexts } from './scalars.ts';
import { get, type MapNode, map, type Report } from './tree.ts';

/**
 * Resolves `inherits`: parents in their order, each with its own parents, then the target itself,
 * then what `override` makes of it.
 */
export function resolveInheritance(
  drafts: readonly TargetDraft[],
  options: {
    readonly override: (name: string, body: MapNode) => MapNode;
    readonly report: Report;
  },
): TargetDraft[] {
  const { override, report } = options;
  const byName = new Map(drafts.map((draft) => [draft.name, draft]));
  const done = new Map<string, MapNode>();
  const resolve = (draft: TargetDraft, open: readonly string[]): MapNode => {
    const known = done.get(draft.name);
    if (known !== undefined) return known;
    const chain = [...open, draft.name];
    let body = map([], draft.body.place);
    for (const name of readTexts(get(draft.body, 'inherits'), report)) {
      const place = get(draft.body, 'inherits')?.place ?? draft.place;
      const parent = byName.get(name);
      if (parent === undefined) {
        report(
          place,
          `it inherits from ${name}, which is no target${didYouMean(name, byName.keys())}`,
        );
      } else if (chain.includes(name)) {
        report(place, `targets inherit from each other: ${[...chain, name].join(' -> ')}`);
      } else body = mergeBodies(body, resolve(parent, chain));
    }
    const own = override(draft.name, mergeBodies(body, draft.body));
    const entries = new Map([...own.entries].filter(([key]) => key !== 'inherits'));
    const resolved = { ...own, entries };
    done.set(draft.name, resolved);
    return resolved;
  };
  return drafts.map((draft) => ({ ...draft, body: resolve(draft, []) }));
}
