import type { Digest } from '../image/index.ts';

/** Something that could not be carried over, and that a person may want to know. */
export interface ExportNote {
  readonly code:
    | 'xattrs-left-out'
    | 'devices-left-out'
    | 'owners-left-out'
    | 'setuid-left-out'
    | 'root-owner-left-out';
  readonly message: string;
  /** How many files it is about. */
  readonly count: number;
}

/** What an export tells while it runs. */
export type ExportEvent =
  | {
      /** A layer has been read once: its headers are known, its diff ID is right. */
      readonly type: 'export.layer-indexed';
      readonly digest: Digest;
      readonly entries: number;
    }
  | {
      /** At the start of each phase, a few times a second, and when all is with the converter. */
      readonly type: 'export.progress';
      readonly phase: 'index' | 'write';
      /** Plain bytes of the layers that were read in this phase. */
      readonly doneBytes: number;
      /** Known once the first phase is over. */
      readonly totalBytes: number | undefined;
    }
  | ({ readonly type: 'export.note' } & ExportNote);

export type ExportListener = (event: ExportEvent) => void;
