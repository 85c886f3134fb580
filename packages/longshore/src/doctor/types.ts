import type { PullQuota } from '../registry/index.ts';

/** What this process may use of the machine. */
export interface MachineFacts {
  readonly cpus: number;
  /** Limit of the control group, in CPUs; may be a fraction. */
  readonly cpuLimit: number | undefined;
  readonly memoryBytes: number;
  /** Limit of the control group. */
  readonly memoryLimitBytes: number | undefined;
  readonly openFiles: { readonly soft: number; readonly hard: number } | undefined;
  readonly temporary: { readonly path: string; readonly freeBytes: number } | undefined;
}

export interface StoreFacts {
  readonly path: string;
  /** Whether it is there; where it is not, its place was looked at. */
  readonly exists: boolean;
  /** Why nothing can be written there. */
  readonly refusal: string | undefined;
  readonly fileSystem: string | undefined;
  readonly freeBytes: number | undefined;
  /** `undefined` where the file system has no such limit. */
  readonly freeInodes: number | undefined;
  readonly hardLinks: boolean | undefined;
  /** Median time to make 64 KiB durable. Milliseconds. */
  readonly syncMs: number | undefined;
}

/** A Docker Engine, as far as its client is here. */
export interface EngineFacts {
  readonly client: boolean;
  /** Why it does not answer. */
  readonly silence: string | undefined;
  readonly version: string | undefined;
  readonly storageDriver: string | undefined;
  readonly containerdStore: boolean;
  /** Of its settings file; its API does not tell. */
  readonly maxConcurrentUploads: number | undefined;
}

export interface BuilderFacts {
  readonly engine: EngineFacts;
  readonly buildx: string | undefined;
  /** Of BuildKit's settings file. */
  readonly maxParallelism: number | undefined;
  readonly buildah: string | undefined;
  /** Why buildah could not run without root; `undefined` where it can, or need not. */
  readonly rootlessObstacle: string | undefined;
}

/** What the registry did with what it was asked. A field that is missing was not asked for. */
export interface RegistryFacts {
  readonly registry: string;
  readonly profile: { readonly name: string; readonly notes: string } | undefined;
  /** Why it cannot be used: what failed, and what to do. */
  readonly refusal: { readonly text: string; readonly hint: string | undefined } | undefined;
  /** Scheme and host that blobs come from. */
  readonly blobOrigin: string | undefined;
  readonly ranges: boolean | undefined;
  readonly quota: PullQuota | undefined;
  /** Uploads that it bore at the most in earlier runs. */
  readonly ceiling: number | undefined;
  readonly write: WriteFacts | undefined;
}

export interface WriteFacts {
  readonly repository: string;
  readonly refusal: { readonly text: string; readonly hint: string | undefined } | undefined;
  readonly chunks: boolean | undefined;
  readonly mounts: boolean | undefined;
}

export interface Facts {
  readonly machine: MachineFacts;
  readonly store: StoreFacts;
  readonly builders: BuilderFacts;
  readonly registry: RegistryFacts | undefined;
}

/** Something that was found, in words for the person who runs the machine. */
export interface Finding {
  readonly about: 'machine' | 'store' | 'engine' | 'buildx' | 'buildah' | 'registry';
  /** `good`: as it should be; `advice`: works, could be better; `blocker`: nothing starts like this. */
  readonly level: 'good' | 'advice' | 'blocker';
  readonly text: string;
  /** What to change. */
  readonly change?: string;
  /** So many at once, and not more. */
  readonly gate?: { readonly stage: 'build' | 'push' | 'pull'; readonly width: number };
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** What holds everything back, or lets the fewest through at once. */
  readonly narrowest: Finding | undefined;
  /** False where one of the findings is a blocker. */
  readonly canStart: boolean;
}
