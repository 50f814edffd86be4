// Parses JSON without rounding: an integer beyond 2^53 keeps its digits.

// A value of so many digits; digits within a text are no reason to read a whole frame the slow way (6 times slower).
const LONG = /[:,[]\s*-?\d{16}|^\s*-?\d{16}/;

/** The value of `text`; SyntaxError when it is no JSON. Where the browser can, long integers stay exact. */
export function parseExactly(text) {
  if (!JSON.rawJSON || !LONG.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, { source }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? JSON.rawJSON(source) : value,
  );
}

/** Whether `value` is a number that parseExactly() kept by its digits; JSON.stringify() writes them. */
export const isExact = (value) => Boolean(JSON.isRawJSON?.(value));
