// Law: every message type has one schema, owned by whoever sends it. A definition is a value: there is no registry to be out of step with.
import type { z } from 'zod';
import { isMessageType } from './envelope.ts';

export interface MessageDefinition<Body> {
  readonly type: string;
  readonly schema: z.ZodType<Body>;
}

export interface RequestDefinition<Body, Reply> extends MessageDefinition<Body> {
  readonly reply: MessageDefinition<Reply>;
}

/** `type` is lower-case words joined by '.', '-' or '_', at most 64. Throws RangeError otherwise. */
export function defineMessage<Body>(type: string, schema: z.ZodType<Body>): MessageDefinition<Body> {
  if (!isMessageType(type)) throw new RangeError(`'${type}' is not a message type`);
  return { type, schema };
}

/** The reply travels as `<type>.reply`. */
export function defineRequest<Body, Reply>(
  type: string,
  schema: z.ZodType<Body>,
  reply: z.ZodType<Reply>,
): RequestDefinition<Body, Reply> {
  return { ...defineMessage(type, schema), reply: defineMessage(`${type}.reply`, reply) };
}
