/** Time of day that no adjustment of the clock makes jump: rates and waits are taken from it. */
export function steadyNow(): number {
  return Math.round(performance.timeOrigin + performance.now());
}

/** Calls `act` again and again until disposed. */
export function every(milliseconds: number, act: () => void): Disposable {
  const timer = setInterval(act, milliseconds);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
