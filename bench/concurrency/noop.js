export default function noop(n) {
  return n;
}
export { noop };
