/** Something that an output could not carry over. */
export interface Note {
  readonly image: string;
  readonly message: string;
}

/** The names of so many images are told; the rest is in what was written, for whoever looks. */
const MAX_NAMES = 3;

/** One line for each thing that was lost, and not for each image that lost it. */
export function summariseNotes(notes: readonly Note[]): readonly string[] {
  const byMessage = Map.groupBy(notes, ({ message }) => message);
  return Array.from(byMessage, ([message, alike]) => {
    const images = [...new Set(alike.map(({ image }) => image))];
    if (images.length === 1) return `${images[0]}: ${message}`;
    const more = images.length > MAX_NAMES ? ', ...' : '';
    return `${images.length} images: ${message} (${images.slice(0, MAX_NAMES).join(', ')}${more})`;
  });
}
