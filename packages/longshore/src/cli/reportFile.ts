import { checkFilePath, writeWhole } from './wholeFile.ts';

/**
 * Makes sure before the work that a report can be written after it.
 * @throws LongshoreError `ERR_USAGE`
 */
export async function checkReportPath(file: string): Promise<void> {
  await checkFilePath('--report', file);
}

/**
 * Writes the report whole or not at all.
 * @throws LongshoreError `ERR_REPORT`
 */
export async function writeReport(file: string, document: unknown): Promise<void> {
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
  await writeWhole(file, text, { code: 'ERR_REPORT', what: 'the report ' });
}
