"""When people are at the desk: `Mon-Fri 09:00-17:00, Sat 10:00-14:00` in a time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PART = re.compile(
    rf"(?P<first>{'|'.join(DAYS)})(?:\s*-\s*(?P<last>{'|'.join(DAYS)}))?\s+"
    r"(?P<opens>\d{1,2}:\d{2})\s*-\s*(?P<closes>\d{1,2}:\d{2})"
)


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """Spans of a week as (day, opens, closes), Monday is 0, closing excluded; no span means always."""

    spans: tuple[tuple[int, time, time], ...]
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Self:
        """The hours that a setting says. Raises ValueError with what is wrong; an empty text means always."""
        spans = [span for part in text.lower().split(",") if part.strip() for span in _spans(part.strip())]
        return cls(tuple(sorted(spans)), time_zone(zone))

    def is_open(self, at: datetime) -> bool:
        """Whether people are there at a moment, which has a time zone."""
        here = at.astimezone(self.zone)
        clock = here.time()
        return not self.spans or any(
            day == here.weekday() and opens <= clock < closes for day, opens, closes in self.spans
        )

    def opens_at(self, at: datetime) -> datetime | None:
        """When people are there next, in the desk's time zone; None while they are."""
        if self.is_open(at):
            return None
        here = at.astimezone(self.zone)
        days = [here.date() + timedelta(days) for days in range(8)]
        openings = (
            datetime.combine(date, opens, self.zone)
            for date in days
            for day, opens, _ in self.spans
            if day == date.weekday()
        )
        return next((opening for opening in openings if opening > at), None)


def time_zone(name: str) -> ZoneInfo:
    """The zone by its IANA name. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; give one such as Europe/London") from None


def _spans(part: str) -> list[tuple[int, time, time]]:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"{part!r} is no office hours; write them as in Mon-Fri 09:00-17:00, Sat 10:00-14:00")
    first, last = DAYS.index(found["first"]), DAYS.index(found["last"] or found["first"])
    opens, closes = _clock(found["opens"]), _clock(found["closes"])
    if opens >= closes:
        raise ValueError(f"{part!r} closes before it opens; write the two sides of midnight as two parts")
    days = (last - first) % 7 + 1
    return [((first + day) % 7, opens, closes) for day in range(days)]


def _clock(text: str) -> time:
    hour, minute = map(int, text.split(":"))
    try:
        return time.max if (hour, minute) == (24, 0) else time(hour, minute)
    except ValueError:
        raise ValueError(f"{text!r} is no time of day; write hours and minutes, as in 09:00") from None
