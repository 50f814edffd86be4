// Recognises the lines of a stack trace that arrive as lines of their own: Python, JavaScript, Java, Go,
// Rust and .NET. Our own runner sends a trace as one event (extdebug/runner/output/stack_traces.py has the
// same rules, and waits for the frames behind a message of several lines, as rows that are shown cannot); other
// runners send each line. No DOM here.

import { uncoloured } from "./safe-text.js";

const LOOKED_AT = 512; // characters of a line
const MOST_LINES = 256; // of one joined trace, as at the runner
const MOST_PAUSE = 1000; // ms between two lines of one trace
const MOST_OPEN = 32; // traces that may go on at the same time, one for each request and output

const ERROR_NAME = "(?:[\\w$]+[.:/]{1,2})*[\\w$]*(?:Error|Exception|Throwable|Failure|Interrupt)";
const FRAME = "\\s+at [^\\s].*(?:[:)\\]]|:\\d+)|\\s*File \".*\", line \\d+|\\t\\S+:\\d+(?: \\+0x[0-9a-f]+)?$|\\s*[\\w$.<>/*[\\]]*@\\S+:\\d+:\\d+$";
const PYTHON_HEAD = "[\\s|+]*(?:Exception Group )?Traceback \\(most recent call last\\):";
// What a trace may begin with, by what its next line may be.
const HEAD = new RegExp(
  `^(?:(?<python>${PYTHON_HEAD})|(?<go>panic: |fatal error: |goroutine \\d+ \\[|SIG[A-Z]+: )|(?<rust>thread '.*' (?:\\(\\d+\\) )?panicked at )|(?<frames>${FRAME})` +
    `|(?<error>(?:Uncaught |Unhandled (?:exception|rejection)[.:]? |Exception in thread ".*" |\\(in promise\\) )*${ERROR_NAME}[\\w$]*(?: \\[[\\w-]+\\])?(?:\\s\\([^)]*\\))?(?::.*|\\s*)$))`,
);
const FOLLOWS = new RegExp(
  `^(?:${FRAME}|\\s*\\.\\.\\. \\d+ (?:more|common)|\\s*(?:Caused by|Suppressed): ?|\\s*---> |\\s*--- End of |\\s+\\[(?:cause|errors?|stack)\\]|Stack:$|[Ss]tack backtrace:|note: |\\s+\\d+: )`,
);
const GO = /^(?:goroutine \d+ |\[signal |created by |exit status \d+$|\tpanic: |panic: |\[recovered|r[a-z0-9]{1,5} +0x|[cfg]s +0x)/;
const GO_CALL = /^[\w./*()@%[\]-]+\(.*\)$/;
const PYTHON_END = /^((?:\w+\.)*[A-Za-z_]\w*)(?::\s|:?$)/;
const PYTHON_CHAIN = /^[\s|]*(?:During handling of the above exception|The above exception was the direct cause)/;
const PYTHON_AGAIN = new RegExp(`^${PYTHON_HEAD}`);
const INDENTED = /^[ \t]/;
const CLOSING = /^[}\]]+[,;]?$/;
const LISTED_ERROR = new RegExp(`^${ERROR_NAME}[\\w$]*\\b`);
// How a logger's line begins: with a level, or a time. extdebug/runner/publish/text_levels.py knows more forms.
const CAPITALS = "TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRIT(?:ICAL)?|FATAL|SEVERE|D?PANIC|EMERG(?:ENCY)?|ERR|DBG|INF|WRN|FTL";
const SMALL = `${CAPITALS.toLowerCase()}|alert|verbose|success|dbug|fail|note|silly|finest|finer`;
const LEVEL = new RegExp(`^(?:${CAPITALS})(?:[\\s[(/\\]>|,:]|$)`);
const LOG = new RegExp(
  `^(?:\\{"|\\[?\\d{4}[-/]\\d\\d[-/]\\d\\d|\\[?\\d\\d:\\d\\d:\\d\\d|(?:${SMALL})(?:\\s*:(?=\\s|$|[\\w.<>/-]+:)|\\s*\\|(?!\\|)|\\s+-\\s|\\t)|[[<(]\\s*(?:${SMALL})\\s*[\\])>]|[IWEF]\\d{4} \\d\\d:)`,
  "i",
);

/** Whether a logger wrote the line: it stands between a trace's lines and is none of them. */
function isLog(line) {
  const start = line.trimStart().slice(0, LOOKED_AT);
  if (INDENTED.test(line) && LISTED_ERROR.test(start)) return false; // one of the errors that a trace lists
  return LEVEL.test(start) || LOG.test(start);
}

/** Follows one trace from its first line. */
class Trace {
  constructor(first, kind) {
    this.kind = kind === "frames" && first.includes('File "') ? "python" : kind;
    this.sure = kind === "python" || kind === "frames" || first.startsWith("goroutine "); // the next line need not be a frame
    this.chained = false; // another exception was announced
    this.message = kind === "rust" && first.endsWith(":"); // the next line is the panic's message, whatever it looks like
    this.blank = 0;
    this.lines = 1;
  }

  /** Whether the line goes on with the trace, which then includes it. */
  takes(line) {
    if (this.lines >= MOST_LINES || !this.belongs(line.slice(0, LOOKED_AT))) return false;
    this.lines += 1;
    this.blank = line.trim() ? 0 : this.blank + 1;
    return true;
  }

  belongs(line) {
    if (!line.trim()) return this.blank === 0 && this.kind !== "frames";
    if (this.message) {
      this.message = false;
      this.sure = true;
      return !isLog(line);
    }
    if (this.kind === "python") return this.goesOnInPython(line);
    if ((this.kind === "go" && (GO.test(line) || (this.sure && GO_CALL.test(line)))) || FOLLOWS.test(line)) {
      this.sure = true;
      return true;
    }
    if (!this.sure || this.blank || isLog(line)) return false;
    return INDENTED.test(line) || CLOSING.test(line);
  }

  goesOnInPython(line) {
    if (!this.sure) {
      // The exception was named: only one that came of it may follow.
      if (this.chained && PYTHON_AGAIN.test(line)) {
        this.chained = false;
        this.sure = true;
        return true;
      }
      this.chained = PYTHON_CHAIN.test(line);
      return this.chained;
    }
    if (this.blank) return false;
    if (INDENTED.test(line)) return !isLog(line);
    const end = PYTHON_END.exec(line);
    if (!end || end[1] === end[1].toUpperCase()) return false;
    this.sure = false;
    return true;
  }
}

/** A trace that the message begins with and that all its lines belong to, or null. */
function traceOf(message) {
  const kind = kindOf(message);
  if (!kind) return null;
  const [first, ...rest] = message.split("\n");
  const trace = new Trace(first, kind);
  return rest.every((line) => trace.takes(line)) ? trace : null;
}

function kindOf(line) {
  const groups = HEAD.exec(line.slice(0, LOOKED_AT).split("\n", 1)[0])?.groups;
  return groups ? Object.keys(groups).find((name) => groups[name] !== undefined) : null;
}

/** The line of a stack trace that says what happened: Python and Rust do not print it first. "" if it is no trace. */
export function headline(message) {
  if (!message.includes("\n")) return "";
  const seen = uncoloured(message);
  const kind = kindOf(seen);
  if (!kind) return "";
  const lines = seen.trimEnd().split("\n");
  if (kind === "python" || (kind === "frames" && lines[0].includes('File "'))) {
    const last = lines.findLast((line) => !/^[\s|+]/.test(line) && PYTHON_END.test(line) && !PYTHON_CHAIN.test(line));
    const inGroup = () => lines.find((line) => /^[\s|]+(?:\w+\.)*[A-Za-z]\w*: /.test(line))?.replace(/^[\s|]+/, "");
    return last ?? inGroup() ?? lines[0];
  }
  return kind === "rust" && lines[0].endsWith(":") ? `${lines[0]} ${lines[1]}` : lines[0];
}

/** Which rows an arriving line may still belong to: one for each output of a request. */
export class OpenTraces {
  constructor() {
    this.open = new Map();
  }

  /** The item whose trace goes on with this event, or null. */
  goesOn(ev) {
    if (!this.open.size || ev.stream === "log") return null;
    const key = keyOf(ev);
    const found = this.open.get(key);
    if (!found) return null;
    const ms = millisecondsOf(ev);
    const known = ev.fields || Math.abs(ms - found.ms) > MOST_PAUSE ? false : uncoloured(ev.message).split("\n").every((line) => found.trace.takes(line));
    if (known) {
      found.ms = ms;
      return found.item;
    }
    this.open.delete(key);
    return null;
  }

  /** A new row stands for this event: it may be the beginning of a trace. */
  begins(ev, item) {
    if (ev.stream === "log" || ev.fields || ev.truncated) return;
    const trace = traceOf(uncoloured(ev.message));
    if (!trace) return;
    const key = keyOf(ev);
    this.open.delete(key);
    this.open.set(key, { trace, item, ms: millisecondsOf(ev) });
    if (this.open.size > MOST_OPEN) this.open.delete(this.open.keys().next().value);
  }

  /** Whether the trace of this row may still go on. */
  holds(item) {
    for (const each of this.open.values()) if (each.item === item) return true;
    return false;
  }

  /** These rows left the page: what follows begins anew. */
  forget(items) {
    for (const [key, { item }] of this.open) if (items.includes(item)) this.open.delete(key);
  }

  clear() {
    this.open.clear();
  }
}

const keyOf = (ev) => `${ev.stream} ${ev.requestId ?? ""} ${ev.installId ?? ""}`;

const millisecondsOf = (ev) => Number(String(ev.id ?? "").split("-")[0]) || Date.parse(ev.ts);

const LEVELS = ["trace", "debug", "info", "warn", "error"];

/** One event that shows the lines of a trace: the first, with the message of all. `parts` are the events. */
export function composed(before, ev) {
  const level = LEVELS.indexOf(ev.level) > LEVELS.indexOf(before.level) ? ev.level : before.level;
  const both = (name) => (before[name] || ev[name] ? [...new Set([...(before[name] ?? []), ...(ev[name] ?? [])])] : before[name]);
  return { ...before, message: `${before.message}\n${ev.message}`, level, redacted: both("redacted"), marks: both("marks"), truncated: before.truncated || ev.truncated };
}
