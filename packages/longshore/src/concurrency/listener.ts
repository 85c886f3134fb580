/**
 * Calls a listener so that its failure cannot break the state machine that called it: what it
 * throws surfaces as an uncaught exception of its own, where a bug of the caller belongs.
 */
export function notify<E>(listener: ((event: E) => void) | undefined, event: E): void {
  if (listener === undefined) return;
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
