import { didYouMean } from '../../suggest.ts';
import type { GroupDraft, TargetDraft } from './draft.ts';
import { isGlob, matchesGlob } from './glob.ts';
import type { Report } from './tree.ts';

/**
 * The names of the targets that are asked for: names, groups and patterns, in their order, each
 * once.
 * @param wanted - nothing for the group or target `default`
 */
export function selectTargets(
  wanted: readonly string[],
  spec: { readonly targets: readonly TargetDraft[]; readonly groups: readonly GroupDraft[] },
  report: Report,
): readonly string[] {
  const targets = new Set(spec.targets.map(({ name }) => name));
  const groups = new Map(spec.groups.map((group) => [group.name, group]));
  const names = [...targets, ...groups.keys()];
  const selected = new Set<string>();
  const visited = new Set<string>();
  const add = (name: string, place: Parameters<Report>[0]): void => {
    const group = groups.get(name);
    if (group === undefined && !targets.has(name)) {
      report(place, `there is no target or group ${name}${didYouMean(name, names)}${known(names)}`);
    } else if (group === undefined) selected.add(name);
    else if (!visited.has(name)) {
      visited.add(name);
      for (const member of group.members) {
        // A target may be in a group of its own name.
        if (member.name === name && targets.has(name)) selected.add(name);
        else add(member.name, member.place);
      }
    }
  };
  const place = { file: 'command line' };
  if (wanted.length === 0 && !names.includes('default')) {
    report(place, `no target is named, and there is no group or target default${known(names)}`);
    return [];
  }
  for (const word of wanted.length === 0 ? ['default'] : wanted) {
    const found = isGlob(word) ? names.filter((name) => matchesGlob(word, name)) : [word];
    if (found.length === 0) report(place, `no target matches ${word}${known(names)}`);
    for (const name of found) add(name, place);
  }
  return [...selected];
}

const SHOWN = 20;

function known(names: readonly string[]): string {
  if (names.length === 0) return '; there are none';
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `; there are ${names.slice(0, SHOWN).join(', ')}${more}`;
}
