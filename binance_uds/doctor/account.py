"""What REST says: whether it answers, what time it is there, and what it makes of the credentials."""

from __future__ import annotations

from typing import Mapping, Optional

import attrs

from ..credentials import Secret
from ..edges.holds import HOLDING_STATUSES
from ..errors import ConfigurationError, CredentialsRejected, ExchangeError, UserDataStreamError
from ..protocol import commands as do
from ..protocol import facts
from ..protocol.budget import SHARE_FOR_ALL
from ..protocol.facts import Call
from ..protocol.signing import signed_query
from ..protocol.understanding import NO_SUCH_KEY
from .case import Case
from .finding import Finding, failed, no_answer, ok, skipped, warning

#: From this offset on Binance refuses a request that is signed by the clock of this machine, in milliseconds.
_MOST_OFFSET_MS = 1_000

#: What Binance calls the rights of a key; those that are always of interest first.
_RIGHTS: Mapping[str, str] = {
    "enableReading": "read",
    "enableFutures": "trade futures",
    "enablePortfolioMarginTrading": "trade in a portfolio margin account",
    "enableSpotAndMarginTrading": "trade spot and margin",
    "enableVanillaOptions": "trade options",
    "enableMargin": "borrow",
    "enableInternalTransfer": "transfer between accounts",
    "permitsUniversalTransfer": "transfer between wallets",
    "enableWithdrawals": "withdraw",
}


def rest(case: Case) -> Finding:
    """Whether REST answers, and whether this address is banned or near its limit."""
    began = case.clock.now().monotonic
    fact = case.calls.make(do.Make(Call.READ_CLOCK, 0))
    took_ms = 1000 * (case.clock.now().monotonic - began)
    if not isinstance(fact, facts.ClockRead):
        return _no_rest(_error(fact))
    case.exchange_clock.set(fact.server_ms, fact.sent_at, fact.received_at)
    used, limit = case.calls.used_weight, case.market.weight_limit
    weight = "" if used is None else f"; {used} of {limit} of this minute's request weight are used by this address"
    words = f"answers, in {took_ms:.0f} ms{weight}"
    if used is not None and used > SHARE_FOR_ALL * limit:
        return warning(words, "find out what on this address asks so much: near the limit repairs and audits pause")
    return ok(words)


def _no_rest(error: UserDataStreamError) -> Finding:
    if isinstance(error, ExchangeError) and error.status in HOLDING_STATUSES:
        what = "banned for sending too many requests" if error.status == 418 else "told to send fewer requests"
        return failed(
            f"this address is {what}: {error}",
            "wait so long and send nothing, for each request lengthens it; then find out what asks so much: other "
            "programs behind the same address count, too",
        )
    return failed(str(error), "if other programs reach Binance from here, try again later; see its status page")


def clock(case: Case) -> Finding:
    """By how much this machine's clock and the exchange's differ."""
    offset_ms, unsure_ms = case.exchange_clock.offset_ms(case.clock.now()), case.exchange_clock.uncertainty_ms
    side = "behind" if offset_ms > 0 else "ahead of"
    words = f"this machine's clock is {abs(offset_ms)} ms {side} the exchange's, give or take {unsure_ms} ms"
    if abs(offset_ms) - unsure_ms > _MOST_OFFSET_MS:
        return warning(
            words,
            "set it by NTP: the stream corrects for it by itself, requests that you sign yourself are refused (-1021)",
        )
    return ok(words)


def api_key(case: Case) -> Finding:
    """Whether the exchange knows the API key, and grants it a listen key."""
    tag = case.credentials.api_key.tag
    fact = case.calls.make(do.Make(Call.REQUEST_KEY, 0))
    if isinstance(fact, facts.KeyGranted):
        case.key = fact.key
        return ok(
            f"key {tag} is accepted; POST granted listen key {fact.key.tag}, which now lives for another hour and is "
            "left to live"
        )
    error = _error(fact)
    if isinstance(error, CredentialsRejected):
        return failed(
            f"key {tag} is refused: {error}",
            "Binance does not say which of these it is: the key does not exist or is of other hosts (demo or real), "
            "this address is not on its list, or futures are not enabled for it",
        )
    return no_answer(error)


def api_secret(case: Case) -> Finding:
    """Whether the secret fits the key, and the key may read the account."""
    if not case.credentials.can_sign:
        return warning("there is none: a key-only stream tells of gaps and cannot fill them", "give it the secret")
    fact = case.calls.make(do.Make(Call.READ_BALANCES, 0))
    if isinstance(fact, facts.BalancesRead):
        return ok("a signed read of the balances is accepted")
    error = _error(fact)
    if isinstance(error, CredentialsRejected):
        return failed(
            f"a signed read of the balances is refused: {error}",
            "with -1022 the secret is not that of this key, or was not copied whole; with -2015 the key may not read",
        )
    if isinstance(error, ConfigurationError):
        return failed(str(error), "correct the callable that signs")
    return no_answer(error)


def permissions(case: Case) -> Finding:
    """What the key may do, with a warning if it may withdraw."""
    if not case.credentials.can_sign:
        return skipped("not known: it takes a secret to ask")
    elsewhere = attrs.evolve(case.market, rest_url=case.market.permissions_url)
    answer: object = None
    error: Optional[UserDataStreamError] = None
    try:
        asked = case.rest(elsewhere)
        try:
            query = signed_query({}, case.credentials, case.exchange_clock.now_ms(case.clock.now()))
            answer = asked.call("GET", case.market.wallet.path, query)
        finally:
            asked.close()
    except UserDataStreamError as exc:
        error = exc.with_traceback(None)
    if error is not None:
        return skipped(f"not known: {error}")
    if not isinstance(answer, dict) or not isinstance(answer.get("enableReading"), bool):
        return skipped("not known: the answer names no permissions")
    return _judged(answer)


def _judged(answer: Mapping[str, object]) -> Finding:
    may = ", ".join(words for name, words in _RIGHTS.items() if answer.get(name) is True) or "do nothing"
    bound = "from listed addresses only" if answer.get("ipRestrict") is True else "from any address"
    words = f"the key may {may}; {bound}"
    if answer.get("enableWithdrawals") is True:
        return warning(
            words,
            "take the right to withdraw away from it, or use another key: a stream needs none but to read",
        )
    if answer.get("enableFutures") is False and answer.get("enablePortfolioMarginTrading") is not True:
        return failed(
            words,
            "enable futures for it; a key that was made before the futures account was opened has to be made anew",
        )
    return ok(words)


def probe(case: Case) -> Finding:
    """Whether PUT names the key, by which a stream finds out that its own was replaced."""
    if not case.market.probe_names_key:
        return ok("PUT names no key in this market; a stream asks by POST, which does")
    fact = case.calls.make(do.Make(Call.PROBE_KEY, 0))
    if isinstance(fact, facts.KeyNamed):
        return _compared(case, fact.key)
    error = _error(fact)
    if isinstance(error, ExchangeError) and error.code == NO_SUCH_KEY:
        fact = case.calls.make(do.Make(Call.REQUEST_KEY, 0))
        case.key = fact.key if isinstance(fact, facts.KeyGranted) else case.key
        return _shared(f"PUT does not know the key that POST granted a moment ago: {error}")
    return no_answer(error)


def _compared(case: Case, named: Optional[Secret]) -> Finding:
    if named is None:
        return warning("PUT answers without naming the key", "nothing to do: a stream takes POST as its probe instead")
    if named != case.key:
        case.key = named
        return _shared("PUT names another key than POST did a moment ago")
    return ok("PUT names the key, so a stream finds out at once when its own was replaced")


def _shared(words: str) -> Finding:
    return warning(
        words,
        "another process of this account DELETEs the key that all of them share; stop it from doing so, for each time "
        "every stream of the account goes blind for a moment",
    )


def _error(fact: facts.Fact) -> UserDataStreamError:
    assert isinstance(fact, facts.CallFailed)
    return fact.error
