"""Examining the way to an account, here one of the local exchange."""

import json
import signal

import pytest
from click.testing import CliRunner

from binance_uds.cli.doctor import doctor
from binance_uds.cli.findings import print_table
from binance_uds.doctor import Finding, Outcome
from binance_uds.simulator import KeyPermissions


@pytest.fixture
def examining(exchange, command):
    """Runs doctor against the local exchange."""

    def run(*arguments, key=None, secret=None):
        urls = ("--rest-url", exchange.rest_url, "--stream-url", exchange.stream_url)
        secret = exchange.api_secret if secret is None else secret
        return command("doctor", *urls, *arguments, BINANCE_API_KEY=key or exchange.api_key, BINANCE_API_SECRET=secret)

    return run


def secrets_of(exchange):
    """List what must not be shown."""
    return (exchange.api_key, exchange.api_secret, exchange.do(lambda model, account: model.current_key(account)))


def test_all_is_well(exchange, examining):
    """A row for each check, without control characters on a pipe, a sum, and exit code 0."""
    running = examining()
    code, said = running.finish()
    rows = said.splitlines()

    assert (0, "") == (code, running.errors())
    assert "Examining usdm at 127.0.0.1 ..." == rows[0]
    assert 18 == sum(row.startswith("ok ") for row in rows)
    assert "18 checks: 18 ok, 0 warning, 0 failed, 0 skipped" == rows[-1]
    assert "\x1b" not in said
    assert not any(secret in said for secret in secrets_of(exchange))


def test_a_warning_is_no_failure(exchange, examining):
    """What to do stands below what was found, and the exit code is 0."""
    exchange.do(lambda model, account: model.permit(account, KeyPermissions(withdraws=True)))
    code, said = examining().finish()

    assert 0 == code
    assert "warning  permissions" in said
    assert "-> take the right to withdraw away from it" in said
    assert "17 ok, 1 warning, 0 failed, 0 skipped" in said


def test_a_failure(exchange, examining):
    """It is named, and the exit code is 1."""
    code, said = examining(secret="thisIsWrong123").finish()

    assert 1 == code
    assert "failed   API secret" in said
    assert "-1022" in said
    assert "thisIsWrong123" not in said


def test_a_piped_table_is_not_padded(capsys):
    """What is pasted into a report has no blanks at the end of its lines."""
    print_table([Finding("clock", Outcome.FAILED, "2 s ahead", "set it"), Finding("PUT", Outcome.OK, "names the key")])

    assert ["failed  clock  2 s ahead", "               -> set it", "ok      PUT    names the key"] == (
        capsys.readouterr().out.splitlines()
    )


def test_for_programs(exchange, examining):
    """One JSON document and nothing else; the exit code is the same."""
    exchange.faults.fail_rest(418, retry_after=90)
    running = examining("--json")
    code, said = running.finish()
    told = json.loads(said)

    assert (1, "") == (code, running.errors())
    assert ("usdm", exchange.rest_url, 1, 0) == (told["market"], told["rest_url"], told["failed"], told["warnings"])
    assert [{"check", "outcome", "words", "advice"}] * 18 == [set(finding) for finding in told["findings"]]
    assert [("REST", "failed")] == [
        (finding["check"], finding["outcome"]) for finding in told["findings"] if finding["outcome"] == "failed"
    ]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "Error: the environment variable BINANCE_API_KEY is not set"),
        (["--stream-url", "ws://127.0.0.1:1"], "Error: --rest-url and --stream-url go together"),
        (["--timeout", "0"], "Error: Invalid value for '--timeout'"),
    ],
)
def test_misused(arguments, message):
    """A call that cannot work is exit code 2 and says what is wrong."""
    result = CliRunner().invoke(doctor, arguments)

    assert 2 == result.exit_code
    assert result.output.splitlines()[-1].startswith(message)


def test_interrupted(exchange, examining, tools):
    """Ctrl-C ends it while nobody answers."""
    exchange.faults.hang_rest(count=None)
    running = examining("--timeout", "60")
    running.hear("Examining")
    tools.wait_until(lambda: exchange.requests != [])
    running.interrupt(signal.SIGINT)
    code, _ = running.finish()

    assert (130, "") == (code, running.errors())
