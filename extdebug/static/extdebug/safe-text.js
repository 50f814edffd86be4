// Splits a message into runs that are safe to show: SGR colours become classes, every other control,
// bidi or invisible character becomes a visible mark with a name. No other sequence is interpreted, but
// for the one that clears what is right of the text, which is left out.

import { plainStyle, restyle, styled } from "./terminal-colours.js";

// Everything that could hide, reorder or overwrite text. Tab and newline are ordinary.
export const SUSPECT =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]/u;
const SUSPECTS = new RegExp(SUSPECT.source, "gu");
const COLOUR = /\u001b\[([0-9;:]{0,40})m/y;
const CLEAR = /\u001b\[0?K/y; // to the end of the line, as grep and gcc write behind a colour: hides nothing
const EMOJI = /\p{Extended_Pictographic}|\ufe0f|[\u{1f3fb}-\u{1f3ff}]/u;

const C0 = (
  "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI " +
  "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split(" ");
const NAMES = new Map([
  [0x00ad, "SHY soft hyphen"],
  [0x034f, "CGJ combining grapheme joiner"],
  [0x061c, "ALM arabic letter mark"],
  [0x200b, "ZWSP zero-width space"],
  [0x200c, "ZWNJ zero-width non-joiner"],
  [0x200d, "ZWJ zero-width joiner"],
  [0x200e, "LRM left-to-right mark"],
  [0x200f, "RLM right-to-left mark"],
  [0x2028, "LS line separator"],
  [0x2029, "PS paragraph separator"],
  [0x202a, "LRE left-to-right embedding"],
  [0x202b, "RLE right-to-left embedding"],
  [0x202c, "PDF pop directional formatting"],
  [0x202d, "LRO left-to-right override"],
  [0x202e, "RLO right-to-left override"],
  [0x2060, "WJ word joiner"],
  [0x2066, "LRI left-to-right isolate"],
  [0x2067, "RLI right-to-left isolate"],
  [0x2068, "FSI first strong isolate"],
  [0x2069, "PDI pop directional isolate"],
  [0xfeff, "BOM zero-width no-break space"],
]);

/** What is shown in place of a suspect character, and its full name. */
export function visible(char) {
  const code = char.codePointAt(0);
  const hex = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  if (code < 0x20) return { text: `<${C0[code]}>`, name: `control character ${hex}` };
  if (code === 0x7f) return { text: "<DEL>", name: `control character ${hex}` };
  const name = NAMES.get(code);
  if (name) return { text: `<${name.split(" ")[0]}>`, name: `${hex} ${name}` };
  return { text: `<${hex}>`, name: `invisible character ${hex}` };
}

/**
 * `text` as runs `{text, cls, name, ink, ground}`: cls "" for plain text, "sgr-..." for coloured text, "ctl"
 * for a mark whose `name` says what stood there. `ink` and `ground` are colours without a name, "#rrggbb".
 */
export function runs(text) {
  if (!SUSPECT.test(text)) return [{ text, cls: "", name: "" }];
  const out = [];
  let style = plainStyle();
  let from = 0;
  SUSPECTS.lastIndex = 0;
  for (let hit = SUSPECTS.exec(text); hit; hit = SUSPECTS.exec(text)) {
    const at = hit.index;
    if (at < from) continue;
    const char = hit[0];
    if (char === "\u200d" && joinsEmoji(text, at)) continue;
    if (at > from) out.push(styled(text.slice(from, at), style));
    from = at + char.length;
    COLOUR.lastIndex = at;
    const colour = char === "\u001b" ? COLOUR.exec(text) : null;
    if (colour) {
      style = restyle(style, colour[1]);
      from = at + colour[0].length;
      SUSPECTS.lastIndex = from;
    } else if (char === "\u001b" && clears(text, at)) {
      from = SUSPECTS.lastIndex = CLEAR.lastIndex;
    } else {
      const mark = visible(char);
      out.push({ text: mark.text, cls: "ctl", name: mark.name });
    }
  }
  if (from < text.length) out.push(styled(text.slice(from), style));
  return out;
}

/** The text without colours and with marks written out: what search, copy and titles use. */
export function plain(text) {
  if (!SUSPECT.test(text)) return text;
  return runs(text)
    .map((run) => run.text)
    .join("");
}

/** The text without colours: what the server's filters search. */
export const uncoloured = (text) => text.replace(/\u001b\[(?:[0-9;:]{0,40}m|0?K)/g, "");

function clears(text, at) {
  CLEAR.lastIndex = at;
  return CLEAR.test(text);
}

function joinsEmoji(text, at) {
  // A family emoji is several pictures joined by ZWJ: only there a ZWJ is shown as itself.
  const before = text.slice(Math.max(0, at - 2), at);
  const after = text.slice(at + 1, at + 3);
  return EMOJI.test(before) && EMOJI.test(after);
}
