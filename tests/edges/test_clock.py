"""The clocks and the dice of this machine."""

from __future__ import annotations

import time

from binance_uds.edges.clock import Clock


def test_a_reading_has_every_clock():
    """Monotonic and wall clock are the system's, and all of them only go on."""
    clock = Clock()
    before, reading, after = time.monotonic(), clock.now(), time.monotonic()

    assert before <= reading.monotonic <= after
    assert abs(reading.wall - time.time()) < 60
    assert 0.0 <= reading.age(clock.now()) < 60
    assert hasattr(time, "CLOCK_BOOTTIME") == (reading.boot is not None)


def test_a_system_without_boot_time(monkeypatch):
    """Where the clock does not exist, or exists in name only, the reading has none."""

    def refuse(_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(time, "clock_gettime", refuse, raising=False)
    in_name_only = Clock().now()
    monkeypatch.delattr(time, "clock_gettime")
    not_at_all = Clock().now()

    assert (None, None) == (in_name_only.boot, not_at_all.boot)


def test_jitter_stays_within_its_bounds():
    """The dice never show 1, and do not always show the same."""
    rolls = [Clock().jitter() for _ in range(100)]

    assert all(0.0 <= roll < 1.0 for roll in rolls)
    assert len(set(rolls)) > 50
