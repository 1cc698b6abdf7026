"""Each single fault is named by the check that is about it, and by no other."""

from __future__ import annotations

import pytest

import binance_uds as uds
from binance_uds.doctor import Outcome, examine
from binance_uds.simulator import KeyPermissions, LocalExchange, Rules
from binance_uds.simulator.faults import OmitKeyInPut, RedirectRest, StallHandshake, TruncateRest

FAILED, WARNING = Outcome.FAILED, Outcome.WARNING

PLANS = {"access plan 1", "access plan 2", "access plan 3"}
SUBSCRIPTION = {*PLANS, "access", "two connections"}
KEY = {"API secret", "PUT", *SUBSCRIPTION}
REST = {"clock", "API key", "permissions", *KEY}
WAY = {f"{half} {what}" for half in ("REST", "WebSocket") for what in ("proxy", "host", "TLS")}


def test_without_a_fault_all_is_well(examined, exchange):
    """Every check finds everything as it should be, and what was opened is closed again."""
    report = examined()
    exchange.wait_until(lambda: exchange.connections_open == 0)

    assert ({}, set()) == (report.amiss, report.skipped)
    assert {"certificates", *WAY, "REST", *REST} == report.findings.keys()
    assert not any(finding.advice for finding in report.findings.values())


def test_its_one_trace_is_the_listen_key(examined, exchange):
    """One POST, one PUT, three reads; never a DELETE, and never an order."""
    examined()

    assert [
        ("GET", "/fapi/v1/time"),
        ("POST", "/fapi/v1/listenKey"),
        ("GET", "/fapi/v3/balance"),
        ("GET", "/sapi/v1/account/apiRestrictions"),
        ("PUT", "/fapi/v1/listenKey"),
    ] == [(method, path) for _, method, path in exchange.requests]


def permit(**permissions: bool):
    """Return what sets the permissions of the exchange's API key."""
    return lambda exchange: exchange.do(lambda model, account: model.permit(account, KeyPermissions(**permissions)))


#: What is done to the exchange; which checks it makes fail or warn; which it keeps from examining; the words that name
#: it in one of those.
INJECTED = {
    "418": (lambda it: it.faults.fail_rest(418, retry_after=90), {"REST": FAILED}, REST, "banned for sending too many"),
    "429": (lambda it: it.faults.fail_rest(429, retry_after=9), {"REST": FAILED}, REST, "asks to wait 9 s"),
    "503": (lambda it: it.faults.fail_rest(503, count=None), {"REST": FAILED}, REST, "HTTP 503"),
    "hang": (lambda it: it.faults.hang_rest(count=None), {"REST": FAILED}, REST, "no answer within 1 s"),
    "redirect": (lambda it: it.faults.inject(RedirectRest(count=None)), {"REST": FAILED}, REST, "redirect"),
    "truncated": (lambda it: it.faults.inject(TruncateRest(count=None)), {"REST": FAILED}, REST, "before the answer"),
    "no key granted": (
        lambda it: it.faults.fail_rest(500, count=None, method="POST"),
        {"API key": FAILED},
        KEY,
        "HTTP 500",
    ),
    "another address": (
        permit(bound_elsewhere=True),
        {"API key": FAILED},
        {"permissions", *KEY},
        "check the key, its IP restriction and that futures are enabled",
    ),
    "no futures": (
        permit(trades_futures=False),
        {"API key": FAILED, "permissions": FAILED},
        KEY,
        "that futures are enabled",
    ),
    "no reading": (permit(reads=False), {"API secret": FAILED}, {"permissions"}, "-2015"),
    "withdrawals": (permit(withdraws=True), {"permissions": WARNING}, set(), "withdraw"),
    "no reads": (
        lambda it: it.faults.fail_rest(503, count=None, path="/fapi/v3/balance"),
        {"API secret": FAILED},
        set(),
        "HTTP 503",
    ),
    "PUT names nothing": (
        lambda it: it.faults.inject(OmitKeyInPut()),
        {"PUT": WARNING},
        set(),
        "without naming the key",
    ),
    "PUT fails": (lambda it: it.faults.fail_rest(500, method="PUT"), {"PUT": FAILED}, set(), "HTTP 500"),
    "no handshake": (
        lambda it: it.faults.refuse_handshake(403),
        {"access plan 1": WARNING},
        set(),
        "handshake refused with HTTP 403",
    ),
    "stalled handshake": (
        lambda it: it.faults.inject(StallHandshake()),
        {"access plan 1": WARNING},
        set(),
        "no WebSocket handshake within 1 s",
    ),
    "no handshake at all": (
        lambda it: it.faults.refuse_handshake(403, count=None),
        {**dict.fromkeys(PLANS, WARNING), "access": FAILED},
        {"two connections"},
        "handshake refused with HTTP 403",
    ),
    **{
        f"silent {form} form": (
            lambda it, form=form: it.faults.silent_plan(form),
            {plan: WARNING},
            set(),
            f"({form} form): opens, but the exchange does not name our key",
        )
        for plan, form in zip(sorted(PLANS), ("query", "subscribe", "path"))
    },
    "silent everywhere": (
        lambda it: it.faults.silent_plan(),
        {**dict.fromkeys(PLANS, WARNING), "access": FAILED},
        {"two connections"},
        "it would stay silent",
    ),
    "no reply": (
        lambda it: it.faults.silent_plan("query", listing="none"),
        {"access plan 1": WARNING},
        set(),
        "does not say within 1 s what is subscribed",
    ),
    "no reply anywhere": (
        lambda it: it.faults.silent_plan(listing="none"),
        {**dict.fromkeys(PLANS, WARNING), "access": WARNING},
        {"two connections"},
        "does not say within 1 s what is subscribed",
    ),
}


@pytest.mark.parametrize("inject, amiss, skipped, words", INJECTED.values(), ids=INJECTED)
def test_a_fault_of_the_exchange(examined, exchange, inject, amiss, skipped, words):
    """It is named, what cannot be examined because of it is skipped, and everything else is well."""
    inject(exchange)
    report = examined()

    assert (amiss, skipped) == (report.amiss, report.skipped)
    assert any(words in report.findings[check].words for check in amiss)
    assert all(report.findings[check].advice for check in amiss)


@pytest.mark.parametrize(
    "inject, words",
    [
        (lambda it: it.faults.neighbour_swaps_key(), "PUT names another key"),
        (lambda it: it.faults.neighbour_deletes_key(), "-1125"),
    ],
)
def test_a_neighbour_takes_the_key_away(examined, exchange, inject, words):
    """Between POST and PUT; the ways in are then examined with the key that counts."""

    def heard(finding) -> None:
        if finding.check == "API key":
            inject(exchange)

    report = examined(heard=heard)

    assert ({"PUT": WARNING}, set()) == (report.amiss, report.skipped)
    assert words in report.findings["PUT"].words
    assert "another process of this account" in report.findings["PUT"].advice


@pytest.mark.parametrize(
    "credentials, amiss, skipped, words",
    [
        ({"secret": "w" * 64}, {"API secret": FAILED}, {"permissions"}, "-1022"),
        ({"secret": lambda payload: "w"}, {"API secret": FAILED}, {"permissions"}, "-1022"),
        (
            {"secret": lambda payload: None},
            {"API secret": FAILED},
            {"permissions"},
            "must return the signature as text",
        ),
        ({"secret": None}, {"API secret": WARNING}, {"permissions"}, "key-only"),
        ({"key": "w" * 64}, {"API key": FAILED}, {"permissions", *KEY}, "-2015"),
        ({"key": "w" * 10}, {"API key": FAILED}, {"permissions", *KEY}, "-2014"),
    ],
)
def test_a_fault_of_the_credentials(examined, credentials, amiss, skipped, words):
    """Key and secret are told apart, and a callable that signs is one."""
    report = examined(**credentials)
    (check,) = amiss

    assert (amiss, skipped) == (report.amiss, report.skipped)
    assert words in report.findings[check].words


@pytest.mark.parametrize("offset_ms, words", [(90_000, "ms behind the"), (-90_000, "ms ahead of the")])
def test_a_clock_that_is_wrong(examined, offset_ms, words):
    """By more than Binance bears; signed reads succeed all the same, for they are dated by the exchange's clock."""
    with LocalExchange(seed=1, clock_offset_ms=offset_ms) as elsewhen:
        report = examined(elsewhen)

    assert ({"clock": WARNING}, set()) == (report.amiss, report.skipped)
    assert words in report.findings["clock"].words


def test_a_second_connection_that_ends_the_first(examined):
    """It is found although each of them was confirmed."""
    with LocalExchange(seed=1, rules=Rules(connections_per_key=1)) as narrow:
        report = examined(narrow)

    assert ({"two connections": WARNING}, set()) == (report.amiss, report.skipped)
    assert "first connection does not stand: closed by the exchange" in report.findings["two connections"].words


def test_an_address_that_asks_much(examined):
    """Near the limit repairs pause, so it is said before that happens."""
    report = examined(changes={"weight_limit": 1})

    assert {"REST": WARNING} == report.amiss
    assert "1 of 1 of this minute's request weight" in report.findings["REST"].words


def test_a_certificate_that_is_not_trusted(examined, encrypted):
    """By either half, with the source of those that are."""
    report = examined(encrypted)

    assert dict.fromkeys(["REST TLS", "WebSocket TLS"], FAILED) == report.amiss
    assert {"REST", *REST} == report.skipped
    for check in report.amiss:
        assert "is not trusted" in report.findings[check].words
        assert "(trusted are those of certifi)" in report.findings[check].words


def test_certificates_that_are_not_there(examined, monkeypatch):
    """The variable that names them is named."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    report = examined()

    assert ({"certificates": FAILED}, {*WAY, "REST", *REST}) == (report.amiss, report.skipped)
    assert "SSL_CERT_FILE=/nowhere/ca.pem" in report.findings["certificates"].words


@pytest.mark.parametrize("status, words", [(0, "refused"), (407, "answered 407"), (502, "answered 502")])
def test_a_proxy_that_does_not_let_us_pass(examined, proxy, closed_port, status, words):
    """Dead or unwilling, for either half; its password is not shown."""
    proxy.status = status
    port = proxy.server_address[1] if status else closed_port
    report = examined(proxy=f"http://somebody:pass-word-of-proxy@127.0.0.1:{port}")

    assert dict.fromkeys(["REST proxy", "WebSocket proxy"], FAILED) == report.amiss
    assert {"REST", *REST, *WAY} - report.amiss.keys() == report.skipped
    for check in report.amiss:
        assert words in report.findings[check].words
    assert "pass-word" not in "".join(map(str, report.findings.values()))


@pytest.mark.parametrize("half, skipped", [("REST", {"REST TLS", "REST", *REST}), ("WebSocket", SUBSCRIPTION)])
def test_a_host_that_cannot_be_reached(examined, closed_port, half, skipped):
    """Of one half; the way to the other one is examined."""
    rest = f"http://127.0.0.1:{closed_port}"
    changes = {"rest_url": rest} if half == "REST" else {"stream_url": f"ws://127.0.0.1:{closed_port}/private"}
    report = examined(changes=changes)

    assert ({f"{half} host": FAILED}, {f"{half} TLS", *skipped}) == (report.amiss, report.skipped)
    assert f"127.0.0.1:{closed_port} failed: refused" in report.findings[f"{half} host"].words


def test_no_secret_is_in_any_finding(examined, exchange):
    """Not key, secret or listen key, whatever the exchange says."""
    exchange.faults.fail_rest(400, message=f"no {exchange.api_key}", method="PUT")
    report = examined()
    key = exchange.do(lambda model, account: model.current_key(account))

    assert "no ***" in report.findings["PUT"].words
    for secret in (exchange.api_key, exchange.api_secret, key):
        assert secret not in "".join(map(str, report.findings.values()))


def test_wrong_arguments_are_refused():
    """What is no argument at all is no finding."""
    credentials = uds.Credentials.of("k" * 64)
    for arguments, options in [
        (("k" * 64,), {}),
        ((credentials, "usdm"), {}),
        ((credentials,), {"timeout": 0}),
        ((credentials,), {"proxy": 3128}),
    ]:
        with pytest.raises(uds.ConfigurationError):
            examine(*arguments, **options)
