"""What the package shows to its users."""

from __future__ import annotations

import inspect
import logging
import pickle
import re

import attrs
import pytest

import binance_uds as uds


def test_all_names_are_there_sorted_and_once():
    """``__all__`` names what exists, each once, events first and then the rest."""
    assert len(set(uds.__all__)) == len(uds.__all__)
    assert [] == [name for name in uds.__all__ if not hasattr(uds, name)]


@pytest.mark.parametrize(
    "name",
    [
        *("UserDataStream", "USDM", "USDM_DEMO", "Market", "Timings", "Health", "StreamState"),
        *("OrderTradeUpdate", "AccountUpdate", "TradeLite", "MarginCall", "AccountConfigUpdate", "AlgoUpdate"),
        *("StrategyUpdate", "GridUpdate", "ConditionalOrderTriggerReject", "ListenKeyExpired", "UnknownEvent"),
        *("StateChanged", "GapOpened", "GapClosed", "CallbackFailed", "UndecodableFrame", "Attention"),
        *("Event", "Notice", "OrderStatus"),
        *("AccountView", "AccountSnapshot", "BalanceState", "PositionState", "OrderState", "AlgoOrderState"),
        *("OrderFill", "OrderStep"),
        *("UserDataStreamError", "ConfigurationError", "CredentialsRejected", "StreamInterrupted", "StartTimeout"),
        *("WaitTimeout", "BacklogOverflow", "ForkedStream", "ExchangeError"),
        *("Cursor", "CursorFile", "CursorStore"),
        *("StreamGroup", "GroupQueue", "StreamGroupError"),
        "History",
        *("Recording", "Replay", "replay", "JournalError"),
    ],
)
def test_what_was_promised_is_exported(name):
    """Every name of the design stands in ``__all__``."""
    assert name in uds.__all__


def test_no_other_module_leaks_into_the_names():
    """A star import brings names of this package only, and no module."""
    public = {name: getattr(uds, name) for name in uds.__all__}

    assert [] == [name for name, value in public.items() if inspect.ismodule(value)]
    assert {"binance_uds"} == {
        value.__module__.split(".")[0] for value in public.values() if hasattr(value, "__module__")
    }


@pytest.mark.parametrize("name", sorted(name for name in uds.__all__ if inspect.isclass(getattr(uds, name))))
def test_every_public_class_is_documented(name):
    """Each class, and each of its public methods and properties, has a docstring that begins with a sentence."""
    value = getattr(uds, name)
    members = {
        member: getattr(value, member)
        for member in vars(value)
        if not member.startswith("_")
        and (inspect.isfunction(vars(value)[member]) or isinstance(vars(value)[member], (property, classmethod)))
    }
    for member, thing in {"": value, **members}.items():
        assert re.match(r"\s*\S.*?[.:`]", thing.__doc__ or "", re.DOTALL), f"{name}.{member}"


def test_arguments_after_the_credentials_are_by_keyword():
    """Only key and secret may be given by position."""
    parameters = inspect.signature(uds.UserDataStream).parameters
    by_position = [name for name, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]

    assert ["api_key", "api_secret"] == by_position


@pytest.mark.parametrize(
    ("argument", "default"),
    [
        ("market", uds.USDM),
        ("name", None),
        ("keepalive_interval", 60.0),
        ("ping_interval", 20.0),
        ("proxy", None),
        ("ssl_context", None),
        ("release_key", False),
        ("max_backlog", 100_000),
        ("max_history", 1_000),
        ("cursor", None),
    ],
)
def test_defaults_are_those_of_the_design(argument, default):
    """The numbers a user relies on without naming them."""
    assert default == inspect.signature(uds.UserDataStream).parameters[argument].default


def test_the_intervals_come_out_of_the_arguments():
    """keepalive_interval and ping_interval are what the stream lives by."""
    stream = uds.UserDataStream("k" * 64, keepalive_interval=30, ping_interval=5)

    assert uds.Timings(keepalive_interval=30.0, ping_interval=5.0) == stream._settings.timings


@pytest.mark.parametrize(("argument", "bounds"), [("keepalive_interval", (1, 3000)), ("ping_interval", (1, 300))])
def test_the_bounds_themselves_are_allowed(argument, bounds):
    """1 s to 50 min for the probe, 1 s to 5 min for the ping."""
    for bound in bounds:
        stream = uds.UserDataStream("k" * 64, **{argument: bound})

        assert bound == getattr(stream._settings.timings, argument)


def test_without_a_logging_setup_nothing_is_printed(capfd):
    """The package's logger has a NullHandler, so that a library user sees no stray warning."""
    logging.getLogger("binance_uds.session").warning("unseen")

    assert any(isinstance(each, logging.NullHandler) for each in logging.getLogger("binance_uds").handlers)
    assert ("", "") == capfd.readouterr()


def test_a_stream_prints_its_name_and_state():
    """The repr is short, and enough to tell streams apart."""
    assert "<UserDataStream mine IDLE>" == repr(uds.UserDataStream("k" * 64, name="mine"))


def test_made_up_names_differ():
    """Two streams without a name are told apart all the same."""
    one, two = uds.UserDataStream("k" * 64), uds.UserDataStream("k" * 64)

    assert one.name != two.name
    assert one.name.startswith("usdm-")


def test_a_new_stream_is_idle_and_says_so():
    """Before start(): IDLE, no ages, nothing counted, an empty timeline."""
    stream = uds.UserDataStream("k" * 64)

    assert uds.Health(state=uds.StreamState.IDLE, why="not started") == stream.health
    assert () == stream.timeline


def test_states_print_as_their_names():
    """``str(state)`` is the word the documentation uses."""
    assert ["IDLE", "STARTING", "LIVE", "STALE", "REPAIRING", "STOPPED", "FAILED"] == [
        str(state) for state in uds.StreamState
    ]


def test_health_and_notices_pickle_and_do_not_change():
    """What a monitor passes on between processes arrives equal, and nobody edits it."""
    for value in (
        uds.Health(state=uds.StreamState.LIVE, why="every proof holds", gaps=2),
        uds.GapOpened(gap_id=1, since_ms=5, cause=uds.GapCause.KEY_EXPIRED),
        uds.StateChanged(old=uds.StreamState.IDLE, new=uds.StreamState.STARTING, reason="started"),
    ):
        assert value == pickle.loads(pickle.dumps(value))
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            value.why = "changed"  # type: ignore[union-attr]


def test_a_market_is_a_row_to_evolve():
    """Another host is one attrs.evolve away, and the presets stay what they are."""
    local = attrs.evolve(uds.USDM, rest_url="http://127.0.0.1:8080", stream_url="ws://127.0.0.1:8080/private")

    assert "http://127.0.0.1:8080" == local.rest_url
    assert "https://fapi.binance.com" == uds.USDM.rest_url
    assert uds.USDM.access_forms == local.access_forms
