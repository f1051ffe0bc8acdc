// What a key means, whatever is printed on it: letters where Latin has them on other alphabets' keyboards, digits without Shift.

/** "a" to "z", "0" to "9", a sign, or a name as "Enter". */
export function keyOf({ key, code, shiftKey }) {
  if (key.length !== 1) return key;
  const [, kind, of] = /^(Key|Digit)(.)$/.exec(code) ?? [];
  if (kind === "Digit" && !shiftKey) return of; // French keyboards have signs there
  if (kind === "Key" && key > "~") return of.toLowerCase();
  return key.toLowerCase();
}
