"""Cron expressions as Kubeflow Pipelines reads them: checked, in words, and their next times in UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from components.contracts.process.errors import UsageError

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAY_WORDS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTH_WORDS = tuple(datetime(2000, month, 1).strftime("%B") for month in range(1, 13))
_SEARCHED = timedelta(days=366 * 8 + 2)  # 29 February may be eight years away
_FEW = 4


@dataclass(frozen=True)
class _Field:
    """The name and range of a field, and the words for its values, from its lowest value."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 6, _DAYS),
)


@dataclass(frozen=True)
class Cron:
    """A cron expression.

    Attributes:
      text: the six fields that Kubeflow gets: second minute hour day month weekday.
      values: what each field allows.
      any_day: the field for the day of the month is `*`.
      any_weekday: that for the weekday is.
    """

    text: str
    values: tuple[frozenset[int], ...]
    any_day: bool
    any_weekday: bool

    def next_times(self, after: datetime, count: int = 3) -> list[datetime]:
        """Return the next times in UTC; fewer than `count` if there are no more in eight years."""
        seconds, minutes, hours = (sorted(values) for values in self.values[:3])
        after = after.astimezone(UTC)
        day = after.replace(hour=0, minute=0, second=0, microsecond=0)
        found: list[datetime] = []
        while day - after < _SEARCHED:
            if self._has_day(day):
                for hour in hours:
                    for minute in minutes:
                        for second in seconds:
                            moment = day.replace(hour=hour, minute=minute, second=second)
                            if moment > after:
                                found.append(moment)
                            if len(found) == count:
                                return found
            day += timedelta(days=1)
        return found

    def _has_day(self, day: datetime) -> bool:
        """Whether it fires on this day: two restricted day fields are alternatives, as in every cron."""
        _, _, _, days, months, weekdays = self.values
        in_month, in_week = day.day in days, day.isoweekday() % 7 in weekdays
        both = self.any_day or self.any_weekday
        return day.month in months and (in_month and in_week if both else in_month or in_week)

    def words(self) -> str:
        """Say when it fires, in plain words."""
        _, _, _, days, months, weekdays = self.values
        parts = [self._time_words()]
        when = []
        if not self.any_day:
            when.append(f"on day {_listed(days)} of the month")
        if not self.any_weekday:
            when.append(f"on {_listed(weekdays, _DAY_WORDS)}")
        parts.append(" or ".join(when) or "every day")
        if len(months) < len(_MONTHS):
            parts.append(f"in {_listed(months, _MONTH_WORDS, 1)}")
        return f"{', '.join(parts)} (UTC)"

    def _time_words(self) -> str:
        seconds, minutes, hours = (sorted(values) for values in self.values[:3])
        if len(seconds) * len(minutes) * len(hours) <= _FEW:
            times = [(h, m, s) for h in hours for m in minutes for s in seconds]
            exact = seconds != [0]
            return "at " + ", ".join(
                f"{h:02}:{m:02}:{s:02}" if exact else f"{h:02}:{m:02}" for h, m, s in times
            )
        parts = [] if seconds == [0] else [_every(seconds, "second", 60)]
        if minutes != list(range(60)) or not (parts and parts[0].startswith("every")):
            parts.append(_every(minutes, "minute", 60))
        if len(hours) < 24:
            parts.append(_every(hours, "hour", 24))
        return ", ".join(parts)


def parse_cron(text: str) -> Cron:
    """Read five fields (minute first) or six (second first).

    Kubeflow would take five fields for second to month: a 0 is put before them.

    Raises:
      UsageError: the fields are not those, a value is out of range, or no day has them all.
    """
    fields = text.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise UsageError(
            f"Not five or six cron fields: {text!r}. Expected minute hour day month weekday, with or "
            "without the second before them, for example '0 2 * * *' for every night at 2 (UTC)."
        )
    values = tuple(_values(field, kind, text) for field, kind in zip(fields, _FIELDS, strict=True))
    any_day, any_weekday = (fields[n] in ("*", "?") for n in (3, 5))
    if not any_day and not any_weekday and any(fields[n][0] in "*?" for n in (3, 5)):
        raise UsageError(
            f"Cannot tell when {text!r} fires: versions of Kubeflow differ on */n for days together with "
            "another field for days. Write the days out."
        )
    cron = Cron(" ".join(fields), values, any_day, any_weekday)
    if not cron.next_times(datetime.now(UTC), 1):
        raise UsageError(f"{text!r} never fires: no month has such a day.")
    return cron


def parse_interval(text: str) -> int:
    """Return the seconds of an interval such as 90m, 6h or 1d.

    Raises:
      UsageError: it is not one, or shorter than a minute.
    """
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    seconds = int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else 0
    if seconds < 60:
        raise UsageError(f"Not an interval of a minute or more: {text!r}. Expected 90m, 6h or 1d.")
    return seconds


def interval_words(seconds: int) -> str:
    """Say how long an interval is."""
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds % size == 0:
            count = seconds // size
            return f"every {name}" if count == 1 else f"every {count} {name}s"
    raise AssertionError(seconds)


def _values(field: str, kind: _Field, text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, dash, high = span.partition("-")
        if span in ("*", "?"):
            first, last = kind.low, kind.high
        else:
            first = _value(low, kind, text)
            # N/step means from N to the end.
            last = _value(high, kind, text) if dash else (kind.high if step else first)
        if (
            "/" in part and not (step.isascii() and step.isdigit() and int(step) > 0)
        ) or last < first:
            raise UsageError(f"Not a cron field for the {kind.name}: {field!r} in {text!r}.")
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def _value(word: str, kind: _Field, text: str) -> int:
    if word.upper() in kind.words:
        return kind.words.index(word.upper()) + kind.low
    if not (word.isascii() and word.isdigit()) or not kind.low <= int(word) <= kind.high:
        names = f" or {kind.words[0]} to {kind.words[-1]}" if kind.words else ""
        raise UsageError(
            f"Not a cron value for the {kind.name}: {word!r} in {text!r}. Expected {kind.low} to "
            f"{kind.high}{names}."
        )
    return int(word)


def _listed(values: frozenset[int], words: Sequence[str] = (), low: int = 0) -> str:
    return ", ".join(words[value - low] if words else str(value) for value in sorted(values))


def _every(values: list[int], name: str, size: int) -> str:
    step = values[1] - values[0] if len(values) > 1 else size
    if values == list(range(0, size, step)) and size % step == 0 and step < size:
        return f"every {name}" if step == 1 else f"every {step} {name}s"
    return f"at {name} {', '.join(map(str, values))}"
