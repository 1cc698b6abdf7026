"""The markets, and what a market of one's own may look like."""

from __future__ import annotations

import attrs
import pytest

from binance_uds.credentials import Secret
from binance_uds.errors import ConfigurationError
from binance_uds.events.usdm_rows import (
    AccountConfigRow,
    AlgoRow,
    BalanceRow,
    IncomeRow,
    OrderRow,
    PositionRow,
    SymbolConfigRow,
    TradeRow,
)
from binance_uds.markets import USDM, USDM_DEMO, AccessForm, AccessPlan, Endpoint, ReadName

KEY = Secret("pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1")


@pytest.mark.parametrize("market", [USDM, USDM_DEMO])
def test_the_rows_are_encrypted_and_whole(market):
    """Every host of ours is reached encrypted, on the private path, and every event is asked for by its name."""
    assert market.rest_url.startswith("https://")
    assert {"private"} == {plan.stream_url.rpartition("/")[2] for plan in market.access_plans}
    assert {"wss"} == {plan.stream_url.partition(":")[0] for plan in market.access_plans}
    assert {"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "listenKeyExpired"} <= set(market.events)
    assert len(set(market.events)) == len(market.events) == len(market.event_classes)


def test_the_hosts_are_those_of_the_documentation():
    """A typing slip in a host would send keys to strangers."""
    assert ("https://fapi.binance.com", "wss://fstream.binance.com/private") == (
        USDM.rest_url,
        USDM.stream_url,
    )
    assert "https://demo-fapi.binance.com" == USDM_DEMO.rest_url
    assert ("/fapi/v1/listenKey", "/fapi/v1/time") == (USDM.listen_key_path, USDM.time_path)


def test_the_reads_are_those_of_the_documentation():
    """A typing slip in a path would be a read that never succeeds, one in a weight a ban."""
    assert {
        ("open_orders", "/fapi/v1/openOrders", 1, 40, OrderRow, False),
        ("open_algo_orders", "/fapi/v1/openAlgoOrders", 1, 40, AlgoRow, False),
        ("positions", "/fapi/v3/positionRisk", 5, None, PositionRow, False),
        ("balances", "/fapi/v3/balance", 5, None, BalanceRow, False),
        ("order", "/fapi/v1/order", 1, None, OrderRow, True),
        ("algo_order", "/fapi/v1/algoOrder", 1, None, AlgoRow, True),
        ("all_orders", "/fapi/v1/allOrders", 5, None, OrderRow, False),
        ("user_trades", "/fapi/v1/userTrades", 5, None, TradeRow, False),
        ("income", "/fapi/v1/income", 30, None, IncomeRow, False),
        ("symbol_configs", "/fapi/v1/symbolConfig", 5, None, SymbolConfigRow, False),
        ("account_config", "/fapi/v1/accountConfig", 5, None, AccountConfigRow, True),
    } == {
        (read.name, read.path, read.weight, read.weight_without_symbol, read.row_class, read.is_single)
        for read in USDM.reads
    }


def test_permissions_are_asked_of_the_wallet_of_the_real_exchange_alone():
    """A key of the demo hosts or of a local exchange goes to no other host than its own."""
    local = attrs.evolve(USDM, rest_url="http://127.0.0.1:8080")

    assert ["https://api.binance.com", USDM_DEMO.rest_url, "http://127.0.0.1:8080"] == [
        market.permissions_url for market in (USDM, USDM_DEMO, local)
    ]
    assert "/sapi/v1/account/apiRestrictions" == USDM.wallet.path


@pytest.mark.parametrize("market", [USDM, USDM_DEMO])
def test_every_read_has_one_endpoint(market):
    """Whatever can be read is read in one place; and a market remains a value that hashes."""
    names = {name for key, name in vars(ReadName).items() if key.isupper()}

    assert sorted(names) == sorted(endpoint.name for endpoint in market.reads)
    assert names == {market.endpoint(name).name for name in names}
    assert hash(market) == hash(attrs.evolve(market))


def test_a_read_that_a_market_lacks():
    """It is named, so that its absence is found where it is asked for."""
    market = attrs.evolve(USDM, reads=(Endpoint(ReadName.BALANCES, "/balance", BalanceRow, 1),))

    assert "/balance" == market.endpoint(ReadName.BALANCES).path
    with pytest.raises(KeyError, match="income"):
        market.endpoint(ReadName.INCOME)


def test_plans_go_through_the_forms_of_a_host_before_the_next_host():
    """Best host first, and on each the query form, SUBSCRIBE, the path."""
    hosts = (USDM_DEMO.stream_url, *USDM_DEMO.other_stream_urls)
    forms = (AccessForm.QUERY, AccessForm.SUBSCRIBE, AccessForm.PATH)

    assert tuple(AccessPlan(host, form) for host in hosts for form in forms) == USDM_DEMO.access_plans
    assert 3 == len(USDM.access_plans)


@pytest.mark.parametrize(
    "form, url",
    [
        (AccessForm.QUERY, f"wss://host/private/ws?listenKey={KEY.reveal()}&events=A/B"),
        (AccessForm.SUBSCRIBE, "wss://host/private/stream"),
        (AccessForm.PATH, f"wss://host/private/ws/{KEY.reveal()}"),
    ],
)
@pytest.mark.parametrize("base", ["wss://host/private", "wss://host/private/"])
def test_the_url_of_each_form(base, form, url):
    """The three ways to ask for a stream; the URL is a secret, and the plan's own name shows none."""
    plan = AccessPlan(base, form)

    assert url == plan.url(KEY, ("A", "B")).reveal()
    assert "***" == repr(plan.url(KEY, ("A", "B")))
    assert f"host ({form} form)" == str(plan)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.9.9.9", "localhost:1", "LOCALHOST", "[::1]:8080"])
def test_loopback_may_be_plain(host):
    """A local exchange needs no certificate."""
    market = attrs.evolve(USDM, rest_url=f"http://{host}", stream_url=f"ws://{host}/private")

    assert f"http://{host}" == market.rest_url


@pytest.mark.parametrize(
    "host",
    [
        "fapi.binance.com",
        "127.0.0.1.example",
        "localhost.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "1270.0.0.1",
    ],
)
@pytest.mark.parametrize("changes", ["rest_url", "stream_url", "other_stream_urls"])
def test_plain_text_beyond_loopback_has_to_be_asked_for(host, changes):
    """The listen key would go over the network in clear; the error says how to allow it."""
    url = f"http://{host}" if changes == "rest_url" else f"ws://{host}"
    value = (url,) if changes == "other_stream_urls" else url
    with pytest.raises(ConfigurationError, match=r"unencrypted; use (https|wss)://, or set allow_plaintext=True"):
        attrs.evolve(USDM, **{changes: value})

    allowed = attrs.evolve(USDM, allow_plaintext=True, **{changes: value})
    assert value == getattr(allowed, changes)


@pytest.mark.parametrize(
    "url, fault",
    [
        (None, "must be text, not NoneType"),
        (b"https://host", "must be text, not bytes"),
        ("", "must look like https://host; this one has no scheme"),
        ("fapi.binance.com", "must look like https://host; this one has no scheme"),
        ("localhost:8080", "must look like https://host; this one has no scheme"),
        ("://host", "must look like https://host; this one has no scheme"),
        ("https://", "must look like https://host, not https://"),
        ("ftp://host", "must look like https://host, not ftp://"),
        ("wss://host", "must look like https://host, not wss://"),
        ("https://host:port", "is malformed"),
        ("https://host:99999", "is malformed"),
        ("https://[::1", "is malformed"),
        ("https://host ", "has white space in it"),
        ("https://ho\nst", "has white space in it"),
        ("https://user:canary-password@host", "must not carry credentials, a query or a fragment"),
        ("https://:canary-password@host", "must not carry credentials, a query or a fragment"),
        ("https://host/?canary-password", "must not carry credentials, a query or a fragment"),
        ("https://host/#canary-password", "must not carry credentials, a query or a fragment"),
    ],
)
def test_a_malformed_url_is_refused_with_the_reason(url, fault):
    """The error says what is wrong, and repeats no credentials."""
    with pytest.raises(ConfigurationError) as caught:
        attrs.evolve(USDM, rest_url=url)

    assert f"a market's URL {fault}" == str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("field", ["other_stream_urls", "access_forms", "events"])
def test_one_text_in_place_of_several_is_refused(field):
    """Letter by letter it would ask for events that do not exist, and a stream without events is silent."""
    with pytest.raises(ConfigurationError, match=f"{field} of a market must be a tuple of texts, not one text"):
        attrs.evolve(USDM, **{field: "query"})


def test_a_market_shows_by_what_it_differs():
    """Its repr is in the signature of a stream, which help() prints, so the tables of paths stay out of it."""
    expected = (
        "Market(name='usdm', rest_url='https://fapi.binance.com', "
        "stream_url='wss://fstream.binance.com/private', other_stream_urls=(), allow_plaintext=False)"
    )

    assert expected == repr(USDM)


@pytest.mark.parametrize("forms", [(), ("queri",), (AccessForm.QUERY, "")])
def test_an_unknown_access_form_is_refused(forms):
    """A market without a way to its stream is no market."""
    with pytest.raises(ConfigurationError, match="at least one access form, each one of AccessForm's"):
        attrs.evolve(USDM, access_forms=forms)
