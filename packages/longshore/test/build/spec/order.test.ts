import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { orderTargets } from '../../../src/build/spec/order.ts';

interface Edge {
  readonly from: string;
  readonly to: string;
}

/** Up to 12 names and any edges between them. */
const graphs = fc.integer({ min: 1, max: 12 }).chain((count) => {
  const names = Array.from({ length: count }, (_, index) => `t${index}`);
  const name = fc.constantFrom(...names);
  const edges = fc.array(fc.record({ from: name, to: name }), { maxLength: 24 });
  return fc.record({ names: fc.constant(names), edges });
});

/** By its definition: what can be reached from a name over edges. */
function reachable(from: string, edges: readonly Edge[]): Set<string> {
  const found = new Set<string>();
  for (let grown = true; grown; ) {
    const before = found.size;
    for (const edge of edges) if (edge.from === from || found.has(edge.from)) found.add(edge.to);
    grown = found.size > before;
  }
  return found;
}

test('an order has every name once, after all that it is built from; else there is a cycle', () => {
  fc.assert(
    fc.property(graphs, ({ names, edges }) => {
      const cyclic = names.some((name) => reachable(name, edges).has(name));
      const result = orderTargets(names, edges);
      assert.equal('cycle' in result, cyclic);
      if ('cycle' in result) {
        assert.ok(result.cycle.length > 0);
        for (const [index, from] of result.cycle.entries()) {
          const to = result.cycle[(index + 1) % result.cycle.length];
          assert.ok(edges.some((edge) => edge.from === from && edge.to === to));
        }
        return;
      }
      assert.deepEqual([...result.order].sort(), [...names].sort());
      for (const { from, to } of edges) {
        assert.ok(result.order.indexOf(to) < result.order.indexOf(from), `${to} before ${from}`);
      }
    }),
  );
});

test('of all that could come next, the one that most others wait for comes', () => {
  fc.assert(
    fc.property(graphs, ({ names, edges }) => {
      const result = orderTargets(names, edges);
      if ('cycle' in result) return;
      const waiting = (name: string): number =>
        names.filter((other) => reachable(other, edges).has(name)).length;
      for (const [index, name] of result.order.entries()) {
        const done: ReadonlySet<string> = new Set(result.order.slice(0, index));
        const ready: readonly string[] = names.filter(
          (other) =>
            !done.has(other) && edges.every((edge) => edge.from !== other || done.has(edge.to)),
        );
        const most = Math.max(...ready.map(waiting));
        assert.equal(waiting(name), most);
        assert.equal(
          name,
          ready.find((other) => waiting(other) === most),
          'equal ones as given',
        );
      }
    }),
  );
});
