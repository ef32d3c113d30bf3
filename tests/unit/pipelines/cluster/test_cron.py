"""Cron as Kubeflow reads it: six fields, UTC, and what people mean with five."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from components.contracts.process.errors import UsageError
from pipelines.cluster.cron import interval_words, parse_cron, parse_interval

# A Thursday, the first of the year.
NEW_YEAR = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "words", "times"),
    [
        ("0 2 * * *", "at 02:00, every day (UTC)", ["01-02 02:00:00", "01-03 02:00:00"]),
        ("0 0 2 * * *", "at 02:00, every day (UTC)", ["01-02 02:00:00", "01-03 02:00:00"]),
        ("30 0 2 * * ?", "at 02:00:30, every day (UTC)", ["01-02 02:00:30", "01-03 02:00:30"]),
        ("*/15 * * * *", "every 15 minutes, every day (UTC)", ["01-01 12:15:00", "01-01 12:30:00"]),
        ("0 */6 * * *", "at 00:00, 06:00, 12:00, 18:00, every day (UTC)", ["01-01 18:00:00"]),
        ("5 * * * *", "at minute 5, every day (UTC)", ["01-01 12:05:00", "01-01 13:05:00"]),
        ("0 2 * * mon-fri", None, ["01-02 02:00:00", "01-05 02:00:00"]),
        ("0 2 * * 0", "at 02:00, on Sunday (UTC)", ["01-04 02:00:00", "01-11 02:00:00"]),
        ("0 2 1 * *", "at 02:00, on day 1 of the month (UTC)", ["02-01 02:00:00"]),
        ("0 2 1 2,3 *", "at 02:00, on day 1 of the month, in February, March (UTC)", None),
        # Two restricted fields for days are alternatives.
        (
            "0 2 3 * SUN",
            "at 02:00, on day 3 of the month or on Sunday (UTC)",
            ["01-03 02:00:00", "01-04 02:00:00"],
        ),
        ("20/20 * * * *", "at minute 20, 40, every day (UTC)", ["01-01 12:20:00"]),
        ("* * * * *", "every minute, every day (UTC)", ["01-01 12:01:00", "01-01 12:02:00"]),
        (
            "*/30 * * * * *",
            "every 30 seconds, every day (UTC)",
            ["01-01 12:00:30", "01-01 12:01:00"],
        ),
        (
            "5 * * * * *",
            "at second 5, every minute, every day (UTC)",
            ["01-01 12:00:05", "01-01 12:01:05"],
        ),
    ],
)
def test_a_cron_in_words_and_its_next_times(
    cron: str, words: str | None, times: list[str] | None
) -> None:
    parsed = parse_cron(cron)
    if words:
        assert parsed.words() == words
    if times:
        found = parsed.next_times(NEW_YEAR, len(times))
        assert [f"{moment:%m-%d %H:%M:%S}" for moment in found] == times
        assert all(moment.utcoffset() == timedelta(0) for moment in found)


def test_times_are_those_of_utc_whatever_the_users_zone() -> None:
    tokyo = NEW_YEAR.astimezone(timezone(timedelta(hours=9)))
    assert parse_cron("0 2 * * *").next_times(tokyo) == parse_cron("0 2 * * *").next_times(NEW_YEAR)


def test_five_fields_get_the_second_that_kubeflow_expects_first() -> None:
    assert parse_cron("0  2 * * MON").text == "0 0 2 * * MON"


def test_a_leap_day_is_found() -> None:
    assert parse_cron("0 2 29 2 *").next_times(NEW_YEAR, 1) == [
        datetime(2028, 2, 29, 2, tzinfo=UTC)
    ]


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("@daily", "five or six cron fields"),
        ("", "five or six cron fields"),
        ("0 0 2 * * * *", "five or six cron fields"),
        ("0 0 2 * * ;", "the weekday: ';'"),
        ("0 24 * * *", "the hour: '24'"),
        ("0 2 * * 7", "0 to 6 or SUN to SAT"),
        ("0 2 0 * *", "the day of the month: '0'"),
        ("0 5-2 * * *", "the hour: '5-2'"),
        ("*/0 * * * *", "the minute"),
        ("*/ * * * *", "the minute"),
        ("0 2 30 2 *", "never fires"),
        ("0 2 */2 * MON", "Write the days out"),
    ],
)
def test_a_wrong_cron_is_rejected_with_the_field(cron: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", r"\(")):
        parse_cron(cron)


@pytest.mark.parametrize(
    ("text", "seconds", "words"),
    [("90m", 5400, "every 90 minutes"), ("6h", 21600, "every 6 hours"), ("1d", 86400, "every day")],
)
def test_an_interval(text: str, seconds: int, words: str) -> None:
    assert parse_interval(text) == seconds
    assert interval_words(seconds) == words


@pytest.mark.parametrize("text", ["", "6", "30s", "-6h", "1.5h", "6 h"])
def test_a_wrong_interval_is_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="interval"):
        parse_interval(text)
