/**
 * A small seeded generator (Marsaglia's xorshift32), 0 up to but not including 1: fault decisions
 * must repeat from run to run, and need no better.
 */
export function createRandom(seed: number): () => number {
  // Spread small seeds over all bits; zero is the one state that xorshift never leaves.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 0x1_0000_0000;
  };
}
