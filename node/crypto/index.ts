// Law: the door of the real World's cryptography, apart from the rest so that an offline verifier loads nothing else of a node.
export { createCrypto, isAdmissibleKey } from './crypto.ts';
