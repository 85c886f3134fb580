import type { BuildTarget, SourcePlace } from '../target.ts';
import type { MapNode } from './tree.ts';

/** A target as a specification has it, in bake's words, everything inherited and interpolated. */
export interface TargetDraft {
  readonly name: string;
  readonly place: SourcePlace;
  readonly body: MapNode;
  /** What relative paths in it count from. */
  readonly base: string;
}

/** A group of targets and of groups. */
export interface GroupDraft {
  readonly name: string;
  readonly place: SourcePlace;
  readonly members: readonly { readonly name: string; readonly place: SourcePlace }[];
}

/** A target, and where its parts were written, for what is found out later. */
export interface PlacedTarget {
  readonly target: BuildTarget;
  /** By bake's key, `tags.0` and `contexts.NAME` included; `place` of the target where it is missing. */
  readonly placeOf: (key: string) => SourcePlace;
}
