import fc from "fast-check";

/** Any character that UTF-8 can encode. */
const anyCharacter = fc
  .integer({ min: 0, max: 0x10_f7_ff })
  .map((number) => String.fromCodePoint(number < 0xd8_00 ? number : number + 0x8_00));

const specialText = [
  "\r",
  "\n",
  "\r\n",
  "\0",
  "\u{feff}",
  " ",
  ":",
  "data: ",
  "id:",
  "\u0085",
  "\u2028",
  "é",
  "😀",
];

/** Any text that UTF-8 can encode, with many line ends and field names. */
export const anyText: fc.Arbitrary<string> = fc.string({
  unit: fc.oneof(fc.constantFrom(...specialText), fc.string({ minLength: 1, maxLength: 3 }), anyCharacter),
});

/** Any text that a field of one line can have. */
export const anyLine: fc.Arbitrary<string> = anyText.map((text) => text.replaceAll(/[\r\n\0]/g, ""));

/** Text with a lone surrogate, which UTF-8 cannot encode. */
export const brokenText: fc.Arbitrary<string> = fc
  .tuple(anyLine, fc.integer({ min: 0xd8_00, max: 0xdf_ff }), anyLine)
  .map(([before, half, after]) => before + String.fromCharCode(half) + after);
