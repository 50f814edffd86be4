// Reads SGR codes: which colours and faces a run of terminal text has. Pure; text-runs.css draws them so
// that text stays readable on either theme, whatever a line asks for.

const NAMED = 16; // the first colours have names: the theme has its own for them

export function plainStyle() {
  return { bold: false, dim: false, italic: false, underline: false, reverse: false, ink: null, ground: null };
}

/**
 * `style` after the codes of one sequence, such as "1;38;5;208" or, with a code's own parts behind colons,
 * "4:3;38:2::255:128:0". Blink and conceal are left out: they hide text.
 */
export function restyle(style, codes) {
  let next = { ...style };
  const list = codes.split(";").map((each) => each.split(":").map((part) => Number(part || "0")));
  for (let i = 0; i < list.length; i += 1) {
    const [code, ...own] = list[i];
    if (code === 0) next = plainStyle();
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = own[0] !== 0;
    else if (code === 7) next.reverse = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.reverse = false;
    else if (code >= 30 && code <= 37) next.ink = code - 30;
    else if (code >= 90 && code <= 97) next.ink = code - 90;
    else if (code >= 40 && code <= 47) next.ground = code - 40;
    else if (code >= 100 && code <= 107) next.ground = code - 100;
    else if (code === 39) next.ink = null;
    else if (code === 49) next.ground = null;
    else if (code === 38 || code === 48 || code === 58) {
      const parts = own.length ? own : list.slice(i + 1, i + 5).map(([part]) => part);
      const from = own.length > 4 ? 2 : 1; // behind colons the colour space may stand before the parts
      const indexed = parts[0] === 5;
      const colour = indexed ? colourOf(parts[1]) : parts[0] === 2 ? hex(parts.slice(from, from + 3)) : null;
      if (colour !== null && code !== 58) next[code === 38 ? "ink" : "ground"] = colour; // 58: the underline's
      if (!own.length) i += indexed ? 2 : 4;
    }
  }
  return next;
}

/** A colour of the 256: 0..7 for a named one, else "#rrggbb"; null for none. */
function colourOf(index) {
  if (!(index >= 0 && index <= 255)) return null;
  if (index < NAMED) return index % 8;
  if (index >= 232) return hex([8, 8, 8].map((least) => least + (index - 232) * 10));
  const cube = index - NAMED;
  return hex([Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) => (step ? 55 + step * 40 : 0)));
}

function hex(parts) {
  if (parts.length < 3 || parts.some((part) => !(part >= 0 && part <= 255))) return null;
  return `#${parts.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

/** A run of text in this style, as runs() of safe-text.js returns them. */
export function styled(text, style) {
  const names = [];
  const [ink, ground] = style.reverse ? [style.ground, style.ink ?? 7] : [style.ink, style.ground];
  if (typeof ink === "number") names.push(`sgr-${ink}`);
  else if (ink) names.push("sgr-ink");
  if (typeof ground === "number") names.push("sgr-ground", `sgr-on-${ground}`);
  else if (ground) names.push("sgr-ground");
  for (const face of ["bold", "dim", "italic", "underline"]) if (style[face]) names.push(`sgr-${face}`);
  const own = (colour) => (typeof colour === "string" ? colour : null);
  return { text, cls: names.join(" "), name: "", ink: own(ink), ground: own(ground) };
}
