// Finds the words of a query, so that rows can mark what was asked for. The server decides what matches.

const MOST = 10;
const TERM = /(-|\bNOT\s+)?(?:"((?:[^"\\]|\\.)*)"|(\/(?:[^/\\]|\\.)+\/i?)(?=[\s)]|$)|([^\s()"]+"(?:[^"\\]|\\.)*"|[^\s()]+))/g;
const COMPARED = /^[A-Za-z_][\w.-]*(?::(?!\/)|[<>!=]=|[<>])/;

/** The words and phrases that `q` asks for, without what it excludes, compares, or matches by a regex. */
export function queryWords(q) {
  const words = [];
  for (const [, not, phrase, regex, bare] of q.matchAll(TERM)) {
    if (not || regex || words.length >= MOST) continue;
    const word = phrase?.replace(/\\(.)/gs, "$1") ?? askedBy(bare);
    if (word && !words.includes(word)) words.push(word);
  }
  return words;
}

function askedBy(bare) {
  if (["OR", "AND", "NOT"].includes(bare)) return "";
  if (bare.startsWith("message:")) return bare.slice("message:".length).replaceAll('"', "");
  return COMPARED.test(bare) || bare.startsWith("-") ? "" : bare;
}
