"""What a user chose is checked, and hidden where it must be."""

from __future__ import annotations

import attrs
import pytest

from binance_uds.credentials import Credentials, Secret
from binance_uds.errors import ConfigurationError
from binance_uds.markets import USDM
from binance_uds.protocol.timings import Timings
from binance_uds.runtime.settings import TIMING_BOUNDS, Settings, hidden_proxy, within
from tests.leaks import shown_by

USUAL = {
    "market": USDM,
    "name": None,
    "chosen_timings": {},
    "symbols": (),
    "connections": 1,
    "proxy": None,
    "ssl_context": None,
    "release_key": False,
    "max_backlog": 10,
    "timings": None,
}


def settings(**changes):
    """Return the settings of a stream; names of `TIMING_BOUNDS` are chosen timings, the others arguments."""
    chosen = {name: changes.pop(name) for name in TIMING_BOUNDS if name in changes}
    return Settings.of(Credentials.of("k" * 64), **{**USUAL, "chosen_timings": chosen, **changes})


def test_the_defaults_are_the_timings_own():
    """What a user leaves alone is as `Timings` has it."""
    assert Timings() == settings().timings


def test_all_timings_at_once_replace_the_intervals():
    """Whoever gives the whole row has said everything."""
    row = Timings(keepalive_interval=1.5, ping_interval=0.1)

    assert row == settings(timings=row).timings


@pytest.mark.parametrize("interval", sorted(TIMING_BOUNDS))
@pytest.mark.parametrize("seconds", [99.0, -5, "nonsense", None, float("nan")])
def test_an_interval_beside_all_timings_is_refused(interval, seconds):
    """Two numbers for one thing: neither wins silently, of use or not."""
    with pytest.raises(ConfigurationError, match=f"{interval} and timings"):
        settings(timings=Timings(), **{interval: seconds})


@pytest.mark.parametrize("symbols", [None, 5, "BTCUSDT", b"BTCUSDT", [5], [""]])
def test_symbols_that_are_no_list_of_texts_are_refused(symbols):
    """Whatever else was given, the error says what to give."""
    with pytest.raises(ConfigurationError, match=r'symbols must be a list of symbols such as \["BTCUSDT"\]'):
        settings(symbols=symbols)


@pytest.mark.parametrize("release_key", ["no", "False", 1, None])
def test_release_key_is_true_or_false(release_key):
    """A word out of a configuration file would be true whatever it says, and silence the account's other processes."""
    with pytest.raises(ConfigurationError, match="release_key must be True or False, not of type"):
        settings(release_key=release_key)


def test_names_made_up_differ():
    """Two streams of one market can be told apart in a log."""
    assert settings().name != settings().name


def test_a_proxys_password_is_not_seen():
    """Neither a settings object nor the error about a proxy of no use shows it."""
    of_use, of_none = (Secret(f"{scheme}://user:canary-password@127.0.0.1:3128") for scheme in ("http", "ftp"))
    chosen = settings(proxy=of_use)
    with pytest.raises(ConfigurationError) as caught:
        settings(proxy=of_none)

    assert "canary" not in repr(chosen) + str(attrs.asdict(chosen, recurse=False)) + shown_by(caught.value)


def test_a_proxy_is_hidden_at_once():
    """A URL becomes a secret, and none stays none."""
    assert Secret("http://127.0.0.1:3128") == hidden_proxy("http://127.0.0.1:3128")
    assert hidden_proxy(None) is None


@pytest.mark.parametrize("proxy", [b"http://user:canary-password@127.0.0.1", {"https": "http://u:canary-password@h"}])
def test_a_proxy_that_is_no_text_is_refused_unseen(proxy):
    """Only its type is named, and no variable of ours keeps it."""
    with pytest.raises(ConfigurationError, match=f"not of type {type(proxy).__name__}") as caught:
        hidden_proxy(proxy)

    assert "canary" not in shown_by(caught.value)


@pytest.mark.parametrize("seconds", [True, "1", None, 0.99, 2.01, float("nan"), float("inf")])
def test_numbers_of_seconds_out_of_bounds(seconds):
    """Text, truth values, nothing and numbers beyond the bounds are refused."""
    with pytest.raises(ConfigurationError, match="pause must be a number of seconds from 1 to 2"):
        within("pause", seconds, (1.0, 2.0))


@pytest.mark.parametrize("seconds", [1, 1.5, 2.0])
def test_numbers_of_seconds_within_bounds(seconds):
    """The bounds themselves are allowed."""
    assert float(seconds) == within("pause", seconds, (1.0, 2.0))
