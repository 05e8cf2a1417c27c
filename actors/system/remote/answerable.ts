// Law: a question from another node that names no one to answer is answered into the void: a handler that answers does not crash on it.
import type { Message, ReplyTo } from '../types.ts';

const nobody: ReplyTo<unknown> = Object.freeze({ send: () => {} });
const toNobody: PropertyDescriptor = { value: nobody, enumerable: false, configurable: true };

/** The message with that reply address. Nobody's is not enumerable, so that only a handler that answers sees it. */
export function answerable(message: Message, replyTo: ReplyTo<unknown> | undefined): Message {
  const open = Object.isExtensible(message) ? message : { ...message };
  const described = replyTo === undefined ? toNobody : { value: replyTo, enumerable: true, configurable: true };
  return Object.defineProperty(open, 'replyTo', described);
}
