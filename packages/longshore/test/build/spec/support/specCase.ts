/** A build that buildx and we have to read alike. */
export interface SpecCase {
  readonly files: Readonly<Record<string, string | readonly string[] | object>>;
  /** @defaultValue the one that `ALL_CASES` gives its kind */
  readonly specs?: readonly string[];
  readonly targets?: readonly string[];
  readonly overrides?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Keys in which we differ on purpose; see docs/build.md. */
  readonly ignore?: readonly string[];
}

/** Of every case: two stages that nothing has to be fetched for. */
export const Dockerfile = 'FROM scratch AS one\nFROM scratch AS two\n';
