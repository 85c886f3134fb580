/**
 * Keeps the controllers of several origins from misreading each other: one of them probes at a time
 * (while two change their widths at once, neither knows whose change it sees), and all share one
 * bound on connections.
 */
export interface ElasticCoordinator {
  /** Takes the probe lock, or keeps it; `false` while another origin has it. */
  tryProbe(origin: string): boolean;
  endProbe(origin: string): void;
  /** How wide an origin may be beside the others. */
  room(origin: string): number;
  /** Takes that many connections, or as many as there is room for; returns how many. */
  claim(origin: string, width: number): number;
  /** The origin has ended: its lock and its connections are free again. */
  leave(origin: string): void;
}

/**
 * @param maxTotal - connections over all origins; each origin may have one whatever the others hold
 */
export function createElasticCoordinator(
  maxTotal: number = Number.POSITIVE_INFINITY,
): ElasticCoordinator {
  const widths = new Map<string, number>();
  let prober: string | undefined;

  function room(origin: string): number {
    let others = 0;
    for (const [name, held] of widths) if (name !== origin) others += held;
    return Math.max(1, maxTotal - others);
  }

  return {
    room,
    tryProbe(origin) {
      prober ??= origin;
      return prober === origin;
    },
    endProbe(origin) {
      if (prober === origin) prober = undefined;
    },
    claim(origin, width) {
      const granted = Math.min(width, room(origin));
      widths.set(origin, granted);
      return granted;
    },
    leave(origin) {
      widths.delete(origin);
      if (prober === origin) prober = undefined;
    },
  };
}
