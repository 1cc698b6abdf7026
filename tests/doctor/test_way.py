"""The way to the exchange, where it holds; where it does not is among the faults of ``test_table.py``."""

from __future__ import annotations

import ssl

from binance_uds.doctor import Outcome


def test_a_proxy_that_lets_us_pass(examined, proxy):
    """For either half, with where it was named, and without its password."""
    port = proxy.server_address[1]
    report = examined(proxy=f"http://somebody:pass-word-of-proxy@127.0.0.1:{port}")

    assert ({}, set()) == (report.amiss, report.skipped)
    for check in ("REST proxy", "WebSocket proxy"):
        assert f"http://127.0.0.1:{port}, from the proxy argument; it lets us pass" == report.findings[check].words


def test_certificates_that_are_trusted(examined, encrypted, authority):
    """By a context of the user's own, which is said to be where they come from."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    report = examined(encrypted, ssl_context=context)

    assert ({}, set()) == (report.amiss, report.skipped)
    assert "the given ssl_context" in report.findings["certificates"].words
    for check in ("REST TLS", "WebSocket TLS"):
        assert f"127.0.0.1:{encrypted.port} showed a certificate that is trusted" == report.findings[check].words


def test_a_context_that_does_not_verify_is_a_finding(examined):
    """As a stream would refuse it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    report = examined(ssl_context=context)

    assert {"certificates": Outcome.FAILED} == report.amiss
    assert "does not verify" in report.findings["certificates"].words


def test_a_proxy_that_is_none_is_a_finding(examined):
    """With where it comes from."""
    report = examined(proxy="socks5://127.0.0.1:9")

    assert dict.fromkeys(["REST proxy", "WebSocket proxy"], Outcome.FAILED) == report.amiss
    assert "SOCKS proxy, which is not supported; use an http:// proxy; it comes from the proxy argument" in (
        report.findings["REST proxy"].words
    )


def test_a_further_host_that_is_away_is_no_failure(examined, closed_port):
    """Contested hosts are tried after the first one: theirs are the plans that do not open."""
    report = examined(changes={"other_stream_urls": (f"ws://127.0.0.1:{closed_port}/private",)})

    assert {f"access plan {number}": Outcome.WARNING for number in (4, 5, 6)} == report.amiss
    assert f"of those that are tried after it: the connection to 127.0.0.1:{closed_port} failed" in (
        report.findings["WebSocket host"].words
    )


def test_plain_text_that_was_permitted_is_warned_of(examined, exchange):
    """On this machine it is harmless, and said; elsewhere it was the user's choice."""
    harmless = examined()
    # To the system this is 127.0.0.1; to us it is a host like any other.
    away = {"rest_url": f"http://127.1:{exchange.port}", "stream_url": f"ws://127.1:{exchange.port}/private"}
    chosen = examined(changes={**away, "allow_plaintext": True})

    assert "plain text, which stays on this machine" == harmless.findings["REST TLS"].words
    assert dict.fromkeys(["REST TLS", "WebSocket TLS"], Outcome.WARNING) == chosen.amiss
