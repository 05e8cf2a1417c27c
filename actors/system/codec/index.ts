// Law: the door of the codec: values to bytes and back.
export { decodeValue } from './reader.ts';
export {
  type Aside,
  type Lower,
  type Lowered,
  MalformedValue,
  type Raise,
  UnencodableValue,
} from './values.ts';
export { encodeValue } from './writer.ts';
