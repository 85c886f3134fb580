import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createQueue, type Delivery, type Queue } from '../../src/concurrency/index.ts';
import {
  QueueClient,
  type QueueReply,
  type QueueRequest,
  QueueServer,
} from '../../src/concurrency/queueLink.ts';
import { BOUNDED, seed, settle } from './fixtures/properties.ts';

test('the seed of these properties', (t) => t.diagnostic(`seed ${seed}`));

/** A worker's end of a queue, over a channel that keeps messages until they are let through. */
class SimulatedWorker {
  readonly queue: Queue<number>;
  readonly held: Delivery<number>[] = [];
  readonly accepted: number[] = [];
  alive = true;
  readonly #server: QueueServer;
  readonly #client: QueueClient;
  readonly #toServer: QueueRequest[] = [];
  readonly #toClient: QueueReply[] = [];

  constructor(queue: Queue<number>) {
    const shared = queue as Queue<unknown>;
    this.#server = new QueueServer(
      () => shared,
      (reply) => this.#toClient.push(reply),
    );
    this.#client = new QueueClient((request) => this.#toServer.push(request));
    this.queue = this.#client.open<number>('it');
  }

  /** One message through the channel, whichever way has one. */
  deliver(preferServer: boolean): void {
    if (!this.alive) return;
    const toServer = this.#toServer.length > 0 && (preferServer || this.#toClient.length === 0);
    if (toServer) {
      const request = this.#toServer.shift();
      if (request !== undefined) this.#server.handle(request);
      return;
    }
    const reply = this.#toClient.shift();
    if (reply !== undefined) this.#client.handle(reply);
  }

  /** Dies: what it has sent is read to some point, and nothing reaches it any more. */
  die(readFirst: number): void {
    for (let at = 0; at < readFirst; at += 1) {
      const request = this.#toServer.shift();
      if (request !== undefined) this.#server.handle(request);
    }
    this.alive = false;
    this.#server.workerGone();
  }
}

test(
  'whatever workers die of and when, no message is lost and none acknowledged comes again',
  BOUNDED,
  async () => {
    const worker = fc.nat(2);
    const steps = fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), worker }) },
        {
          weight: 4,
          arbitrary: fc.record({ do: fc.constant('take' as const), worker, patient: fc.boolean() }),
        },
        { weight: 3, arbitrary: fc.record({ do: fc.constant('ack' as const), worker }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('requeue' as const), worker }) },
        {
          weight: 9,
          arbitrary: fc.record({ do: fc.constant('deliver' as const), worker, way: fc.boolean() }),
        },
        {
          weight: 1,
          arbitrary: fc.record({ do: fc.constant('die' as const), worker, read: fc.nat(3) }),
        },
      ),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), steps, async (capacity, list) => {
        const queue = createQueue<number>({ capacity });
        const workers = [0, 1, 2].map(() => new SimulatedWorker(queue));
        const put = new Set<number>();
        const acked = new Set<number>();
        let next = 0;
        for (const step of list) {
          const one = workers[step.worker];
          if (one === undefined) continue;
          if (step.do === 'die') {
            one.die(step.read);
            workers[step.worker] = new SimulatedWorker(queue);
          } else if (step.do === 'deliver') one.deliver(step.way);
          else if (step.do === 'put') {
            const item = next;
            next += 1;
            one.queue.put(item).then(() => put.add(item), assert.fail);
          } else if (step.do === 'take') {
            const controller = new AbortController();
            one.queue.take({ signal: controller.signal }).then(
              (delivery) => one.held.push(delivery),
              () => {},
            );
            if (!step.patient) controller.abort();
          } else if (step.do === 'ack') {
            const delivery = one.held.shift();
            delivery?.ack();
            if (delivery !== undefined) {
              // Only what the holder has read counts: until then the worker may yet die with it.
              for (let at = 0; at < 200; at += 1) one.deliver(true);
              assert.ok(!acked.has(delivery.item), 'an acknowledged message came again');
              acked.add(delivery.item);
            }
          } else one.held.shift()?.requeue();
          await settle();
          assert.ok(queue.size <= capacity + workers.length * list.length);
        }
        for (const one of workers) one.die(0);
        await settle();
        const left: number[] = [];
        for (let got = queue.tryGet(); got !== undefined; got = queue.tryGet()) left.push(got.item);
        assert.equal(new Set(left).size, left.length, 'a message is there twice');
        for (const item of put) assert.ok(acked.has(item) !== left.includes(item), `item ${item}`);
        assert.deepEqual([queue.unacknowledged, queue.waitingGets, queue.waitingPuts], [0, 0, 0]);
      }),
      { seed, numRuns: 1500 },
    );
  },
);
