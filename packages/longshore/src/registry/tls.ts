import type NodeTls from 'node:tls';

/**
 * `node:tls`, loaded by the first who needs it: that takes 20 ms and 30 ms of processor time, mostly
 * for a list of root certificates as text, and a pull over plain HTTP needs none of it.
 */
export function tls(): typeof NodeTls {
  return process.getBuiltinModule('node:tls');
}
