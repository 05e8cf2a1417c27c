// Law: small byte strings that are kept share arrays, since an array of more than 64 bytes costs more to make and to collect than its bytes
// do to copy. The arrays are small: whoever keeps one string keeps no more than one of them.
const slabBytes = 4096;

export class Slab {
  #bytes = new Uint8Array(0);
  #at = 0;

  /** A copy of `view`. */
  keep(view: Uint8Array): Uint8Array {
    const { length } = view;
    if (length > slabBytes / 4) return view.slice();
    if (this.#at + length > this.#bytes.length) {
      this.#bytes = new Uint8Array(slabBytes);
      this.#at = 0;
    }
    const start = this.#at;
    this.#at += length;
    this.#bytes.set(view, start);
    return this.#bytes.subarray(start, this.#at);
  }
}
