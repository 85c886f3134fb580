/**
 * The small part of a terminal that the renderer uses, as a grid of text: cursor up, carriage
 * return, line feed, erase to the end of the line or of the screen. Lines longer than the screen
 * wrap. Anything else that steers a terminal fails the test.
 */
export class Screen {
  #rows: string[] = [''];
  #row = 0;
  #column = 0;
  columns: number;
  writes = 0;

  constructor(columns = 80) {
    this.columns = columns;
  }

  write(text: string): void {
    this.writes += 1;
    // The escape character made visible, to keep it out of the expressions below.
    const visible = text.replaceAll('\u001B', '␛');
    for (const token of visible.match(/␛\[[?\d;]*[a-zA-Z]|[\s\S]/gu) ?? []) this.#apply(token);
  }

  /** Everything since the start, scrolled-away lines included, without empty lines at the end. */
  lines(): string[] {
    const lines = this.#rows.map((row) => row.trimEnd());
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  #apply(token: string): void {
    const up = /^␛\[(\d+)A$/.exec(token);
    if (up !== null) this.#row = Math.max(0, this.#row - Number(up[1]));
    else if (token === '␛[K') this.#set(this.#current().slice(0, this.#column));
    else if (token === '␛[J') {
      this.#set(this.#current().slice(0, this.#column));
      this.#rows.length = this.#row + 1;
    } else if (/^␛\[(\?2026[hl]|\d*m)$/.test(token)) return;
    else if (token === '\r') this.#column = 0;
    else if (token === '\n') this.#down();
    else if (token >= ' ') this.#put(token);
    else throw new Error(`the renderer wrote ${JSON.stringify(token)}`);
  }

  #put(character: string): void {
    if (this.#column >= this.columns) this.#down();
    const row = this.#current().padEnd(this.#column);
    this.#set(row.slice(0, this.#column) + character + row.slice(this.#column + 1));
    this.#column += 1;
  }

  #down(): void {
    this.#row += 1;
    this.#column = 0;
    while (this.#rows.length <= this.#row) this.#rows.push('');
  }

  #current(): string {
    return this.#rows[this.#row] ?? '';
  }

  #set(text: string): void {
    this.#rows[this.#row] = text;
  }
}
