"""How the admin looks: titles, colours and navigation, as django-unfold reads them."""

from typing import Any, Final

from django.templatetags.static import static

UNFOLD: Final[dict[str, Any]] = {
    "SITE_TITLE": "Debug Console",
    "SITE_HEADER": "Debug Console",
    "SITE_URL": "/extensions/",
    "SITE_SYMBOL": "terminal",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "/static/extdebug/icon.svg"}
    ],
    "STYLES": [
        lambda request: static("policies/waiting.css"),
        lambda request: static("policies/unfold-controls.css"),
    ],
    "SCRIPTS": [
        lambda request: static("policies/waiting.js"),
        lambda request: static("policies/unfold-controls.js"),
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "config.apps.environment_badge",
    "BORDER_RADIUS": "6px",
    "DASHBOARD_CALLBACK": "extdebug.dashboard.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "extdebug.dashboard.navigation"},
    "COLORS": {
        "primary": {  # the console's accent, dark enough for white text from 600 on
            "50": "#effafb",
            "100": "#d7f0f4",
            "200": "#b0e1e9",
            "300": "#7bcbd9",
            "400": "#45adc0",
            "500": "#1a8ea3",
            "600": "#0a6b7c",
            "700": "#0b5766",
            "800": "#104854",
            "900": "#123d48",
            "950": "#052730",
        }
    },
}
