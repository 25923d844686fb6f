"""Parse the bounds of dates and timestamps in a contract."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone

_FRACTION = re.compile(r"([.]\d{1,6})\d*")
_SHORT_ZONE = re.compile(r"([+-]\d{2})(\d{2})$")


def parse_timestamp(text: str) -> datetime:
    """Return a timestamp in UTC; one without a zone counts as UTC. Raise `ValueError`."""
    # Python 3.10 reads a fraction of 3 or 6 digits alone, and no zone without a colon.
    text = _FRACTION.sub(lambda found: f"{found[1]:0<7}", text.strip(), count=1)
    text = _SHORT_ZONE.sub(r"\1:\2", re.sub("[Zz]$", "+00:00", text))
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)


def parse_date(text: str) -> date:
    """Return a date; of a timestamp, its day. Raise `ValueError`."""
    return date.fromisoformat(text.strip()[:10])
