"""Office hours against the clock of their own place."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.office_hours import OfficeHours
from bot.settings import load_settings

SHOP = OfficeHours.parse("Mon-Fri 09:00-17:00, Sat 10:00-14:00", "Europe/London")


def test_no_hours_are_always() -> None:
    always = OfficeHours.parse("")
    assert always.is_open(datetime(2026, 11, 22, 3, tzinfo=UTC))
    assert always.opens_at(datetime(2026, 11, 22, 3, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-27T09:00", None),  # a Friday
        ("2026-11-27T16:59:59", None),
        ("2026-11-27T17:00", "2026-11-28T10:00+00:00"),
        ("2026-11-28T14:00", "2026-11-30T09:00+00:00"),
        ("2026-07-03T08:00", None),  # nine o'clock in summer
        ("2026-07-03T07:59", "2026-07-03T09:00+01:00"),
        ("2026-03-28T20:00", "2026-03-30T09:00+01:00"),  # the clock goes forward in between
    ],
)
def test_hours_are_those_of_the_place(at: str, opens: str | None) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert SHOP.is_open(moment) == (opens is None)
    assert SHOP.opens_at(moment) == (None if opens is None else datetime.fromisoformat(opens))


def test_a_span_of_days_may_go_past_sunday_and_a_night_takes_two_parts() -> None:
    hours = OfficeHours.parse("sat-mon 22:00-24:00, sun-tue 00:00-02:00", "Asia/Shanghai")
    assert hours.is_open(datetime(2026, 11, 29, 17, 30, tzinfo=UTC))  # Monday, half past one at night
    assert not hours.is_open(datetime(2026, 11, 30, 19, tzinfo=UTC))


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))
def test_the_desk_opens_at_the_first_moment_at_which_it_is_open(at: datetime) -> None:
    moment = at.replace(tzinfo=UTC)
    opens = SHOP.opens_at(moment)
    if opens is not None:
        assert moment < opens
        assert SHOP.is_open(opens)
        assert not SHOP.is_open(opens - timedelta(seconds=1))


@pytest.mark.parametrize("bad", ["Mon", "9-5", "Mon-Fri 9-17", "Mon 25:00-26:00", "Mon 17:00-09:00", "Mon 09:60-10:00"])
def test_hours_that_are_none_are_named_with_an_example(bad: str) -> None:
    with pytest.raises(SettingsError, match="office_hours") as error:
        load_settings(office_hours=bad)
    assert "09:00" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("bad", ["Mars/Olympus", "../etc", ""])
def test_a_zone_that_is_none_is_named(bad: str) -> None:
    with pytest.raises(SettingsError, match=r"time_zone.*Europe/London"):
        load_settings(time_zone=bad)
