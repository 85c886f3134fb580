import type { Digest, Platform } from '../image/index.ts';

/** Where a specification says something; lines and columns from 1, as editors count them. */
export interface SourcePlace {
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** What a build may see under a name (`FROM name`, `COPY --from=name`) instead of looking for it. */
export type NamedContext =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'target'; readonly target: string }
  | { readonly kind: 'image'; readonly reference: string }
  /** Also `oci-layout:///absolute/path`, with a tag or digest. */
  | { readonly kind: 'url'; readonly url: string };

/** A secret by where it is, never by its value: plans are kept on disk. */
export interface BuildSecret {
  readonly id: string;
  readonly from:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'env'; readonly variable: string };
}

/** An SSH agent or keys that `RUN --mount=type=ssh` may use. */
export interface BuildSsh {
  readonly id: string;
  /** Sockets or key files; empty for the agent that `SSH_AUTH_SOCK` names. */
  readonly paths: readonly string[];
}

/** `type=registry,ref=...` taken apart, in the order of the specification. */
export type CacheEntry = Readonly<Record<string, string>>;

/**
 * One image to build, as a specification asks for it: resolved (variables, inheritance, matrix),
 * paths absolute. Plain data, so that a run's plan can be written down and taken up again.
 */
export interface BuildTarget {
  /** Unique in its graph. */
  readonly name: string;
  readonly place: SourcePlace;
  /** What `COPY` reads: a folder, or an address that the builder fetches. */
  readonly context:
    | { readonly kind: 'folder'; readonly path: string }
    | { readonly kind: 'url'; readonly url: string };
  readonly dockerfile: /** Absolute, or a path within the context where that is fetched from an address. */
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'inline'; readonly text: string };
  /** The stage to build. @defaultValue the last */
  readonly stage?: string | undefined;
  /** Names for the image, as they were written. */
  readonly tags: readonly string[];
  /** Empty for the builder's own platform. More than one makes an index. */
  readonly platforms: readonly Platform[];
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: readonly string[];
  readonly contexts: Readonly<Record<string, NamedContext>>;
  readonly secrets: readonly BuildSecret[];
  readonly ssh: readonly BuildSsh[];
  readonly cacheFrom: readonly CacheEntry[];
  readonly cacheTo: readonly CacheEntry[];
  readonly noCache: boolean;
  /** Stages that are built without cache. */
  readonly noCacheFilter: readonly string[];
  /** Look for newer base images although there are some. */
  readonly pull: boolean;
  readonly network?: string | undefined;
  readonly shmBytes?: number | undefined;
  readonly ulimits: readonly string[];
  readonly extraHosts: Readonly<Record<string, readonly string[]>>;
  readonly entitlements: readonly string[];
  /** `type=sbom`, `type=provenance,mode=max`, ... */
  readonly attestations: readonly CacheEntry[];
}

/** `from` is built from `to`. */
export interface BuildEdge {
  readonly from: string;
  readonly to: string;
  /** What `FROM`, `COPY --from` or `contexts` calls it. */
  readonly reference: string;
}

/** Everything a run builds, checked: no cycles, no duplicate tags, contexts there. */
export interface BuildGraph {
  /** Each after all that it is built from. */
  readonly targets: readonly BuildTarget[];
  readonly edges: readonly BuildEdge[];
  /** Targets that nobody asked for: they are here because others are built from them. */
  readonly linked?: readonly string[] | undefined;
  /** What a reader should know but nothing was refused for. */
  readonly warnings: readonly string[];
}

/** What a build has left in the store: a manifest, or an index where there are several platforms. */
export interface BuiltImage {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}
