const hidden = '[secret]';

/** Holds a secret so that it can be passed on and never printed: not by JSON, not by inspect, not in a template. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The one way to the text; grep for it to see where secrets are used. */
  expose(): string {
    return this.#value;
  }
  toString(): string {
    return hidden;
  }
  toJSON(): string {
    return hidden;
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return hidden;
  }
}
