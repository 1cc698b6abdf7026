"""The row of numbers, and the bounds that follow from it."""

from __future__ import annotations

import math

import attrs
import pytest

from binance_uds.errors import ConfigurationError
from binance_uds.protocol.timings import Timings

NAMES = [field.name for field in attrs.fields(Timings)]


def test_the_defaults_are_the_promised_ones():
    """The leases, and the bounds that we publish."""
    timings = Timings()

    assert 45.0 == timings.transport_lease
    assert 150.0 == timings.key_lease
    assert 10.0 == timings.pong_timeout
    assert 40.0 == timings.half_open_found_within
    assert 71.0 == timings.dead_key_found_within
    assert 900.0 == timings.delivery_lease


def test_a_connection_is_found_dead_before_its_proof_lapses():
    """With the defaults an answer that is merely late does not make a stream STALE."""
    assert Timings().half_open_found_within <= Timings().transport_lease


@pytest.mark.parametrize(
    "interval, lease", [(1.0, 30.0), (12.0, 30.0), (60.0, 150.0), (1440.0, 3600.0), (3000.0, 3600.0)]
)
def test_the_key_lease_follows_the_interval_within_bounds(interval, lease):
    """2.5 intervals, at least 30 s, at most a key's life."""
    assert lease == Timings(keepalive_interval=interval).key_lease


def test_the_row_cannot_be_changed():
    """A stream's numbers are fixed from its start."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Timings().ping_interval = 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, True, "5", "nan"])
@pytest.mark.parametrize("name", NAMES)
def test_every_field_takes_finite_numbers_alone(name, value):
    """What is no number, or none to reckon with, is refused with the field's name."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        Timings(**{name: value})


@pytest.mark.parametrize("name", [name for name in NAMES if name != "max_hold"])
def test_nothing_may_be_left_out_but_the_end_of_a_hold(name):
    """None is refused everywhere but where it says that events are held for as long as it takes."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        Timings(**{name: None})
    assert Timings(max_hold=None).max_hold is None


MAY_BE_NOTHING = ("gap_margin", "keepalive_spread", "max_hold", "settle")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MAY_BE_NOTHING])
def test_nothing_may_take_no_time(name):
    """0 is refused everywhere but for the spread, the margin, the settling and the holding, which may be left out."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        Timings(**{name: 0})


@pytest.mark.parametrize("name", MAY_BE_NOTHING)
def test_some_things_may_take_no_time(name):
    """0 leaves them out."""
    assert 0 == getattr(Timings(**{name: 0}), name)


@pytest.mark.parametrize(
    "refused, allowed, words",
    [
        ({"keepalive_interval": 0.049}, {"keepalive_interval": 0.05}, "keepalive_interval must be at least 0.05"),
        ({"ping_interval": 0.049}, {"ping_interval": 0.05}, "ping_interval must be at least 0.05, not 0.049"),
        ({"keepalive_spread": 1.0}, {"keepalive_spread": 0.99}, "keepalive_spread must be at least 0 and less than 1"),
        ({"pong_share": 1.0}, {"pong_share": 0.99}, "pong_share must be more than 0 and less than 1"),
        (
            {"transport_lease_intervals": 1.5},
            {"transport_lease_intervals": 1.51},
            "transport_lease_intervals must be more than 1 [+] pong_share",
        ),
        ({"key_lease_intervals": 1.1}, {"key_lease_intervals": 1.11}, "key_lease_intervals must be more than 1 [+]"),
        ({"key_life": 66.0}, {"key_life": 66.1}, "key_life must be longer than the longest keepalive_interval"),
        ({"retry_first": 16.0}, {"retry_first": 15.0}, "retry_most must be at least retry_first"),
        ({"refused_most": 59.0}, {"refused_most": 60.0}, "refused_most must be at least refused_first"),
        ({"short_lives_tolerated": 1.5}, {"short_lives_tolerated": 1}, "short_lives_tolerated must be a whole number"),
        ({"clock_unknown_ms": 0.5}, {"clock_unknown_ms": 1}, "clock_unknown_ms must be a whole number of at least 1"),
        ({"page_rows": 1}, {"page_rows": 2}, "page_rows must be a whole number from 2 to 1000"),
        ({"page_rows": 1_001}, {"page_rows": 1_000}, "page_rows must be a whole number from 2 to 1000"),
        ({"page_rows": 20.5}, {"page_rows": 20}, "page_rows must be a whole number from 2 to 1000"),
        ({"rest_timeout": 0.0}, {"rest_timeout": 1e-9}, "rest_timeout must be more than 0, not 0.0"),
    ],
)
def test_what_cannot_work_is_refused_in_words(refused, allowed, words):
    """The message names the field and says what is allowed; what is just allowed is taken."""
    with pytest.raises(ConfigurationError, match=words):
        Timings(**refused)
    Timings(**allowed)
