// Splits a query into the conditions that all have to hold, as extdebug/filters/parser.py reads it. Pure.

const NAMED = /(fields?\.[^\s:<>=!()"]{1,128}|[\p{L}_][\p{L}\p{N}_]{0,63}(?:[.-][\p{L}\p{N}_]{1,63}){0,8})(:|[<>!=]=|[<>=])/uy;
const PHRASE = /"(?:[^"\\]|\\.)+"/sy;
const REGEX = /\/(?:[^/\\]|\\.)+\/i?(?=[\s)]|$)/sy;
const SPACE = /\s/;

/** The attributes by each name that people write for them. */
export const ATTRIBUTES = new Map(
  Object.entries({
    level: "lvl", stream: "", message: "", request: "req reqId requestId request_id", install: "installId install_id",
    version: "versionId version_id", hash: "contentHash content_hash", tenant: "tenantId tenant_id",
    extension: "extensionId extension_id", redacted: "", execution: "",
  }).flatMap(([name, others]) => [name, ...others.split(" ").filter(Boolean)].map((each) => [each, name])),
); // prettier-ignore

/** One of the conditions: its text, where it stands, and whether it excludes.
 * @typedef {{text: string, start: number, end: number, not: boolean}} Condition
 */

/** The conditions of `q`, one only when it is an OR or no query. @returns {Condition[]} */
export function conditionsOf(q) {
  return read(q).conditions;
}

/** Whether `q` ends in a term that is not written to its end. */
export const isHalf = (q) => read(q).half;

/** `text`, a condition, turned around. */
export function inverted(text) {
  if (read(text).either) return isHalf(`-(${text})`) ? `-(${text} )` : `-(${text})`; // a word like f(x takes a )
  const negated = /^(?:-(?=[^->\s)])|NOT(?=[\s(])\s*)/.exec(text);
  const rest = negated ? text.slice(negated[0].length) : "";
  if (rest) return /^(AND|OR)([\s(]|$)|^NOT$/.test(rest) ? `-(${text})` : rest; // a word that would be an operator
  return /^[->]/.test(text) ? `NOT ${text}` : `-${text}`;
}

/** `q` with its condition number `place` replaced by `text`; without it when `text` is empty. */
export function withCondition(q, place, text) {
  return conditionsOf(q).map((each, at) => (at === place ? text : each.text)).filter(Boolean).join(" "); // prettier-ignore
}

/** `q` without the conditions that read as `text`. */
export const withoutCondition = (q, text) => conditionsOf(q).map((each) => each.text).filter((each) => each !== text).join(" "); // prettier-ignore

function read(q) {
  const reader = new Reader(q);
  reader.anyOf();
  const start = q.length - q.trimStart().length;
  const end = q.trimEnd().length;
  if (start >= end) return { conditions: [], half: false, either: false };
  const whole = reader.either || reader.at < q.length;
  const spans = whole ? [[start, end]] : reader.spans;
  const conditions = spans.map(([from, to]) => {
    const text = q.slice(from, to);
    return { text, start: from, end: to, not: !reader.either && /^(-[^->\s)]|NOT[\s(])/.test(text) };
  });
  return { conditions, half: reader.half, either: reader.either };
}

/** Goes over the text as the server's parser does; makes no tree, and is content with what is wrong. */
class Reader {
  constructor(q) {
    this.q = q;
    this.at = 0;
    this.depth = 0;
    this.spans = []; // of the conditions of the outermost AND
    this.either = false; // the outermost is an OR
    this.half = false;
  }

  space() {
    while (this.at < this.q.length && SPACE.test(this.q[this.at])) this.at += 1;
  }

  /** Take `word` if it stands here as a word. */
  keyword(word) {
    const end = this.at + word.length;
    if (!this.q.startsWith(word, this.at) || (end < this.q.length && !" \t\n()".includes(this.q[end]))) return false;
    this.at = end;
    this.space();
    return true;
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.q);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  anyOf() {
    this.space();
    this.allOf();
    while (this.keyword("OR")) {
      if (this.depth === 0) this.either = true;
      if (this.at === this.q.length) this.half = true;
      this.allOf();
    }
  }

  allOf() {
    while (this.at < this.q.length && this.q[this.at] !== ")") {
      const start = this.at;
      if (this.keyword("OR")) {
        this.at = start;
        return;
      }
      if (this.keyword("AND")) {
        if (this.at === this.q.length) this.half = true;
        continue;
      }
      this.one();
      if (this.depth === 0) this.spans.push([start, this.at]);
      this.space();
    }
  }

  one() {
    const { q } = this;
    const following = q[this.at + 1] ?? "";
    if (q[this.at] === "-" && following && !"->)".includes(following) && !SPACE.test(following)) {
      this.at += 1;
      this.one();
    } else if (this.keyword("NOT")) {
      if (this.at === q.length) this.half = true;
      else if (q[this.at] !== ")") this.one();
    } else if (q[this.at] === "(") this.group();
    else this.term();
  }

  group() {
    this.at += 1;
    this.depth += 1;
    this.anyOf();
    this.depth -= 1;
    if (this.at === this.q.length) this.half = true;
    else this.at += 1;
  }

  term() {
    const { q } = this;
    const start = this.at;
    const named = this.take(NAMED);
    if (!named) {
      if (this.quoted() || this.take(REGEX)) return;
      this.word();
      if (q.slice(start) === "-") this.half = true; // something is about to be excluded
      return;
    }
    const [, name, op] = named;
    const known = ATTRIBUTES.get(name) ?? (/^fields?\./.test(name) ? name : null);
    if (this.at === q.length) this.half = Boolean(known) || op === ">=" || op === "<=";
    else if (op === ":" && known && known !== "level" && known !== "stream" && this.take(REGEX)) return;
    else if (!this.quoted(known)) this.word();
  }

  /** Take a phrase; an open one, where there can be no other, to the end. */
  quoted(must = true) {
    if (this.take(PHRASE)) return true;
    if (!must || this.q[this.at] !== '"' || this.q.startsWith('""', this.at)) return false;
    this.at = this.q.length;
    this.half = true;
    return true;
  }

  word() {
    let opened = 0;
    for (; this.at < this.q.length && !SPACE.test(this.q[this.at]); this.at += 1) {
      if (this.q[this.at] === "(") opened += 1;
      else if (this.q[this.at] === ")" && (opened -= 1) < 0) return;
    }
  }
}
