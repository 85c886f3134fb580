import { EXIT } from '../exitCodes.ts';

/** `longshore pyxis release`: pyxis calls it twice, and the file stays for the next job. */
export async function runPyxisRelease(): Promise<number> {
  return EXIT.ok;
}
