/** Strict reading of JSON that came over the network: types, sizes and characters are checked. */

/** A message that cannot be believed; `field` names what is wrong in it. */
export class MessageError extends Error {
  override readonly name = "MessageError";

  constructor(
    readonly problem: "too_large" | "not_json" | "unknown_type" | "bad_field" | "gap",
    readonly field = "",
  ) {
    super(field === "" ? problem : `${problem}: ${field}`);
  }
}

// Controls but tab and line feed, lone surrogates, and overrides of the writing direction.
const UNFIT =
  // eslint-disable-next-line no-control-regex -- the controls are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u{d800}-\u{dfff}\u202a-\u202e\u2066-\u2069]/u;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Characters are counted as Unicode's, not as UTF-16's. */
function isLonger(text: string, most: number): boolean {
  return text.length > most && (text.length > 2 * most || Array.from(text).length > most);
}

/** The JSON object in `text` of at most `most` characters. Throws MessageError. */
export function load(text: string, most: number): Fields {
  if (isLonger(text, most)) throw new MessageError("too_large");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MessageError("not_json");
  }
  if (!isObject(value)) throw new MessageError("not_json");
  return new Fields(value);
}

/** The fields of one object; readers throw MessageError. Fields that nobody asks for are passed over. */
export class Fields {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly path = "",
  ) {}

  has(name: string): boolean {
    return this.value(name) !== null;
  }

  text(name: string, most: number, otherwise?: string): string {
    const value = this.value(name);
    if (value === null && otherwise !== undefined) return otherwise;
    if (typeof value !== "string" || isLonger(value, most) || UNFIT.test(value)) this.refuse(name);
    return value;
  }

  choice<T extends string | number>(name: string, among: readonly T[]): T {
    const value = this.value(name);
    return among.find((one) => one === value) ?? this.refuse(name);
  }

  integer(name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.value(name);
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
      this.refuse(name);
    return value;
  }

  optionalInteger(name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number | null {
    return this.has(name) ? this.integer(name, least, most) : null;
  }

  number(name: string, least: number, most: number): number {
    const value = this.value(name);
    // Out of range is also what Infinity gives, which JSON writes as 1e999.
    if (typeof value !== "number" || !(value >= least && value <= most)) this.refuse(name);
    return value;
  }

  flag(name: string): boolean {
    const value = this.value(name);
    if (typeof value !== "boolean") this.refuse(name);
    return value;
  }

  inner(name: string): Fields {
    const value = this.value(name);
    if (!isObject(value)) this.refuse(name);
    return new Fields(value, `${this.path}${name}.`);
  }

  /** A list of at most `most` objects; missing is empty. */
  inners(name: string, most: number): readonly Fields[] {
    return this.list(name, most).map((value) => {
      if (!isObject(value)) this.refuse(name);
      return new Fields(value, `${this.path}${name}.`);
    });
  }

  /** A list of at most `most` texts; missing is empty. */
  texts(name: string, most: number, longest: number): readonly string[] {
    return this.list(name, most).map((value) => new Fields({ [name]: value }, this.path).text(name, longest));
  }

  optional<T>(name: string, read: (fields: Fields) => T): T | null {
    return this.has(name) ? read(this.inner(name)) : null;
  }

  refuse(name: string): never {
    throw new MessageError("bad_field", this.path + name);
  }

  /** Null for what is missing, as for null. */
  private value(name: string): unknown {
    return Object.hasOwn(this.values, name) ? (this.values[name] ?? null) : null;
  }

  private list(name: string, most: number): readonly unknown[] {
    const value = this.value(name);
    if (value === null) return [];
    if (!Array.isArray(value) || value.length > most) this.refuse(name);
    return value as readonly unknown[];
  }
}
