/**
 * A sentence in lines of whole words, for a terminal that would break them anywhere. Lines after the
 * first stand as far in as the mark that the first begins with. Words longer than a line stay whole.
 */
export function wrap(text: string, columns: number, mark = ''): string {
  const lines: string[] = [];
  let line = mark;
  for (const word of text.split(' ')) {
    const isEmpty = line.trim() === mark.trim();
    if (!isEmpty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `${' '.repeat(mark.length)}${word}`;
    } else {
      line += isEmpty ? word : ` ${word}`;
    }
  }
  return [...lines, line].join('\n');
}
