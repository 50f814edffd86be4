"""axe-core over a page in a browser: what it finds wrong for people who need assistive technology.

axe is evaluated in the page through the browser's debugger, which a content security policy does
not bind: the pages are looked at under the policy that they are served with.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fixtures.npm import installed

PACKAGE: Final = "axe-core@4.11.4"
GRAVE: Final = ("serious", "critical")
# Rules that axe thinks little of and this product keeps all the same.
KEPT: Final = ("landmark-one-main", "page-has-heading-one")
# Colours are those of the end of a transition. Only the theme can change what these rules find.
_RUN: Final = """async (only) => {
  for (const moving of document.getAnimations()) {
    try { moving.finish() } catch { moving.cancel() }
  }
  const rules = { 'target-size': { enabled: true } };
  const options = { resultTypes: ['violations'], preload: false, rules };
  if (only) options.runOnly = only;
  const { violations } = await axe.run(document, options);
  return violations.map(({ id, impact, help, nodes }) => [
    id, impact, help, nodes.map(({ target, html, any, all }) =>
      `${target.join(' ')} ${html.slice(0, 160)} ${[...any, ...all].map(c => c.message)[0] ?? ''}`),
  ]);
}"""
OF_COLOUR: Final = ("color-contrast", "link-in-text-block")


@functools.cache
def _source() -> str:
    return (installed(PACKAGE) / "node_modules/axe-core/axe.min.js").read_text()


@dataclass
class Inspection:
    """What was found on all pages looked at so far, once for each rule and place."""

    grave: list[str] = field(default_factory=list)
    lesser: list[str] = field(default_factory=list)
    _told: set[tuple[str, str]] = field(default_factory=set)

    async def look(self, page: Any, where: str, *, only: tuple[str, ...] = ()) -> None:
        """Run axe on what `page` shows now; `only` these rules of it, if any are named."""
        if not await page.evaluate("() => 'axe' in window"):
            await page.evaluate(_source())
        for rule, impact, words, places in await page.evaluate(_RUN, [*only] or None):
            new = [place for place in places if (rule, place) not in self._told]
            self._told |= {(rule, place) for place in new}
            if new:
                kind = self.grave if impact in GRAVE or rule in KEPT else self.lesser
                shown = "\n    ".join(new[:4] + [f"and {len(new) - 4} more"] * (len(new) > 4))
                kind.append(f"{where}: {rule} ({impact}): {words}\n    {shown}")

    def verdict(self) -> None:
        """Fails if anything grave was found, and then names the lesser findings too."""
        assert not self.grave, "\n".join([*self.grave, "", "less than serious:", *self.lesser])
