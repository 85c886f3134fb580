import type { SourcePlace } from '../../build/index.ts';
import type {
  LedgerCounts,
  RunResult,
  StoredRun,
  TagOutcome,
  TargetReport,
} from '../../run/index.ts';
import type { ErrorSummary } from '../../transfer/index.ts';

/** What `build --json` prints; the schema is `longshore schema build`. */
export interface BuildDocument {
  readonly verb: 'build';
  /** Version of the program. */
  readonly longshore: string;
  readonly store: string;
  readonly run: string;
  readonly builder: string;
  /** `unfinished` while it runs, or after it was killed. */
  readonly outcome: RunResult['outcome'] | 'unfinished';
  /** Of the last time that it was worked on, where that is known. */
  readonly milliseconds?: number;
  readonly sentBytes?: number;
  readonly settled?: RunResult['settled'];
  readonly counts: LedgerCounts;
  /** In the order of the plan, each in one state. */
  readonly targets: readonly BuildDocumentTarget[];
}

export interface BuildDocumentTarget {
  readonly name: string;
  readonly state: string;
  readonly digest?: string;
  /** File and line of the specification. */
  readonly where: string;
  readonly tags: readonly TagOutcome[];
  readonly error?: ErrorSummary;
  /** The failed target that it is built from. */
  readonly because?: string;
  readonly buildMilliseconds?: number;
  readonly log: string;
}

type Known = Pick<RunResult, 'targets' | 'counts'> &
  Partial<Pick<RunResult, 'milliseconds' | 'sentBytes' | 'settled'>> & {
    readonly outcome: BuildDocument['outcome'];
  };

export function buildDocument(
  { plan }: StoredRun,
  known: Known,
  { store, version }: { readonly store: string; readonly version: string },
): BuildDocument {
  const places = new Map(plan.graph.targets.map(({ name, place }) => [name, place]));
  const { outcome, milliseconds, sentBytes, settled, counts, targets } = known;
  return {
    verb: 'build',
    longshore: version,
    store,
    run: plan.id,
    builder: plan.builder,
    outcome,
    ...(milliseconds === undefined ? {} : { milliseconds }),
    ...(sentBytes === undefined ? {} : { sentBytes }),
    ...(settled === undefined ? {} : { settled }),
    counts,
    targets: targets.map((report) => describe(report, places.get(report.target))),
  };
}

function describe(
  { target, state, image, tags, error, because, buildMs, log }: TargetReport,
  place: SourcePlace | undefined,
): BuildDocumentTarget {
  return {
    name: target,
    state,
    ...(image === undefined ? {} : { digest: image.digest }),
    where: place === undefined ? '' : formatPlace(place),
    tags,
    ...(error === undefined ? {} : { error }),
    ...(because === undefined ? {} : { because }),
    ...(buildMs === undefined ? {} : { buildMilliseconds: buildMs }),
    log,
  };
}

/** File and line, without the column. */
export function formatPlace({ file, line }: SourcePlace): string {
  return line === undefined ? file : `${file}:${line}`;
}
