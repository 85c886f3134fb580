/** A word as `sh` reads it back unchanged, whatever is in it. */
export function shellWord(word: string): string {
  if (/^[\w%+,./:=@-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

export function shellWords(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

/** Whether `sh` can have a variable of that name. */
export function isShellName(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name);
}
