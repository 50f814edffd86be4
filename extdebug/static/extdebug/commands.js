// What the reader can do on the console page, by key or by button.

import { copyText } from "./clipboard.js";
import { closeClosedCard } from "./closed-card.js";
import { byId } from "./dom.js";
import { plural } from "./messages.js";
import { toast } from "./notices.js";
import { setUpHelp } from "./shortcuts.js";

/** The commands by name: see KEYS of shortcuts.js. `page` does what takes several of its parts. */
export function commandsOf({ rows, receiver, connection, preferences, find, filters, rowActions, rowFocus, selection, context, page }) {
  /** The rows that the keys are for: those in sight. */
  const front = () => (context.open ? context : { rowActions, rowFocus });

  const run = {
    pause: () => page.setPaused(!receiver.paused),
    follow: () => (rows.following ? rows.follow(false) : run.toEnd()),
    toEnd() {
      if (receiver.paused) page.setPaused(false);
      rows.follow(true);
      rows.draw();
    },
    clear() {
      toast(`${plural(receiver.clear(), "line")} cleared from the view.`);
      rows.follow(true);
    },
    query: () => byId("q").focus(),
    unrequest: () => filters.change({ request: null }, { redraw: true }),
    stream: ({ name, only }) => filters.toggle(name, only),
    search: () => find.openSearch(),
    highlight: () => find.openHighlights(),
    hit: (by) => find.step(by),
    time: () => preferences.nextTime(),
    wrap: () => preferences.set("wrap", !preferences.wrap),
    collapse: () => preferences.set("collapse", !preferences.collapse),
    goTo: () => page.goToTime(),
    extend() {
      if (!connection.send({ type: "extend" })) toast("Not connected: nothing to extend.");
    },
    connect: () => page.toggleConnection(),
    move(by) {
      selection.clear();
      front().rowFocus.move(by);
    },
    choose: (by) => (context.open ? run.move(by) : selection.extend(by)),
    end(newest) {
      if (context.open) context.rowFocus.to(newest ? -1 : 0);
      else if (newest) run.toEnd();
      else rowFocus.to(0);
    },
    /** Go to the next line of a level; with `around`, from the newest one back to the first again. */
    level({ level, by, around = false }) {
      const { rowFocus: focus } = front();
      if (focus.toLevel(level, by, { around })) return;
      toast(`No ${by > 0 ? "further" : "earlier"} ${level === "warn" ? "warning" : level} in the loaded lines.`);
    },
    request: () => (front().rowFocus.current()?.ev.requestId ? act("request") : byId("request").focus()),
    escape() {
      // The notice of the end, else the opened line with the focus, else the one opened last.
      if (!byId("closed-card").hidden) return void closeClosedCard();
      if (selection.clear()) return;
      const focused = front().rowFocus.current();
      if (context.open && !focused?.open) return void context.close();
      front().rowActions.close(focused?.open ? focused : null);
    },
    open: () => act("open"),
    context: () => act("context"),
    async copy() {
      const { text } = selection;
      if (context.open || !text) return act("copy");
      const lines = plural(selection.chosen.size, "row");
      return toast((await copyText(text)) ? `${lines} copied.` : "The browser refused the clipboard.");
    },
    permalink: () => act("permalink"),
    palette: () => page.openPalette(),
    help: setUpHelp(),
  };

  /** Do an action of row-actions.js on the row that has the focus. */
  function act(name) {
    const item = front().rowFocus.current();
    if (item) front().rowActions.run(name, item);
  }

  return run;
}
