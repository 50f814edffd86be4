"""Dates and times as operators read logs: year first, 24 hours, UTC throughout."""

from typing import Final

DATE_FORMAT: Final = "Y-m-d"
TIME_FORMAT: Final = "H:i:s"
# TIME_ZONE is UTC. A line does not break before it.
DATETIME_FORMAT: Final = "Y-m-d H:i:s\u00a0\\U\\T\\C"
SHORT_DATE_FORMAT: Final = DATE_FORMAT
SHORT_DATETIME_FORMAT: Final = DATETIME_FORMAT
