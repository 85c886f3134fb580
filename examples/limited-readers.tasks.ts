// The task functions of limited-readers.ts, in a module of their own: a worker imports them from
// here, so no function ever has to be sent to it.
import { setTimeout as delay } from 'node:timers/promises';
import {
  openQueue,
  type QueueHandle,
  type TaskContext,
} from '../packages/longshore/src/concurrency/index.ts';

export interface Message {
  readonly writer: number;
  readonly seconds: number;
}

export interface Writing extends Message {
  readonly queue: QueueHandle<Message>;
}

export interface Reading {
  readonly message: Message;
  readonly seconds: number;
}

/** Works for its time, then puts one message on the queue. */
export async function write({ writer, seconds, queue }: Writing): Promise<void> {
  await delay(seconds * 1000);
  console.log(`I am writer ${writer}: ${seconds}`);
  await openQueue(queue).put({ writer, seconds });
}

/** Reads one message, slowly. */
export async function read(reading: Reading, context: TaskContext): Promise<void> {
  context.report('reading');
  await delay(reading.seconds * 1000);
  console.log(`I am reader ${reading.message.writer}: ${reading.seconds}`);
}
