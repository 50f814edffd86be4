"""Template filter: the landmark that unfold's pages lack, without a copy of its templates."""

from __future__ import annotations

from typing import Final

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
# The part beside the sidebar, in unfold's admin/base.html. tests/e2e finds out when it changes.
_MAIN: Final = '<div id="main" '


@register.filter
def main_landmark(page: SafeString) -> SafeString:
    """What unfold rendered, its part beside the sidebar marked as the page's main content."""
    return mark_safe(page.replace(_MAIN, f'{_MAIN}role="main" ', 1))  # noqa: S308 - rendered already
