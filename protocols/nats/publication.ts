// Law: a publication is its topic behind two bytes of length, and then the frame.
import { maxTopicBytes } from '../network/index.ts';
import { MalformedBytes, utf8 } from '../wire/index.ts';

const lengthBytes = 2;

export function encodePublication(topic: string, frame: Uint8Array): Uint8Array {
  const name = utf8.encode(topic);
  const payload = new Uint8Array(lengthBytes + name.length + frame.length);
  payload[0] = name.length >>> 8;
  payload[1] = name.length;
  payload.set(name, lengthBytes);
  payload.set(frame, lengthBytes + name.length);
  return payload;
}

/** The frame is a view. Throws MalformedBytes. */
export function decodePublication(payload: Uint8Array): { readonly topic: string; readonly frame: Uint8Array } {
  const topicBytes = payload.length < lengthBytes ? Number.POSITIVE_INFINITY : payload[0]! * 256 + payload[1]!;
  if (topicBytes > maxTopicBytes || payload.length < lengthBytes + topicBytes)
    throw new MalformedBytes('a publication is shorter than its topic');
  const at = lengthBytes + topicBytes;
  return { topic: utf8.decode(payload.subarray(lengthBytes, at)), frame: payload.subarray(at) };
}
