from __future__ import annotations

import pytest

from binance_uds.simulator.exchange import Exchange, Refused

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


def test_asking_again_names_the_same_key_and_extends_it() -> None:
    """A second POST answers the valid key and gives it another hour."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    key = exchange.obtain_key(account)
    exchange.advance(START_MS + HOUR_MS - 1)
    again = exchange.obtain_key(account)
    exchange.advance(START_MS + 2 * HOUR_MS - 2)

    assert key == again
    assert account is exchange.key_owner(key)


def test_keys_look_like_binances_and_never_repeat() -> None:
    """Keys are 64 letters and digits, differ from each other, and depend on the salt alone."""
    keys = []
    for salt in ("a", "b", "a"):
        exchange = Exchange(START_MS, salt=salt)
        account = exchange.open_account("alice")
        keys.append(exchange.obtain_key(account))
        exchange.release_key(account)
        keys.append(exchange.obtain_key(account))

    assert 4 == len(set(keys))
    assert keys[:2] == keys[4:]
    assert all(len(key) == 64 and key.isascii() and key.isalnum() for key in keys)


def test_keeping_alive_extends_and_names_the_key() -> None:
    """PUT answers the key it extended by an hour."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    key = exchange.obtain_key(account)
    exchange.advance(START_MS + HOUR_MS // 2)
    kept = exchange.keep_key(account)
    exchange.advance(START_MS + HOUR_MS + 1)

    assert key == kept
    assert account is exchange.key_owner(key)


def test_a_key_dies_after_an_hour_with_a_notice() -> None:
    """An hour after the last renewal a key is dead, and its holders hear of it once, in its own words."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    key = exchange.obtain_key(account)
    exchange.advance(START_MS + HOUR_MS - 1)

    assert account is exchange.key_owner(key)
    assert [] == exchange.take_pushes()

    exchange.advance(START_MS + 5 * HOUR_MS)
    (push,) = exchange.take_pushes()

    assert exchange.key_owner(key) is None
    assert (key, START_MS + HOUR_MS) == (push.key, push.time_ms)
    assert {"e": "listenKeyExpired", "E": START_MS + HOUR_MS + 2, "listenKey": key} == push.payload


@pytest.mark.parametrize("notices", [0, 1, 2])
def test_a_key_may_expire_with_any_number_of_notices(notices: int) -> None:
    """Expiry is announced once, twice or not at all, and the next key is another."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    key = exchange.obtain_key(account)
    exchange.expire_key(account, notices=notices)
    exchange.expire_key(account, notices=notices)

    assert [key] * notices == [push.key for push in exchange.take_pushes()]
    assert exchange.key_owner(key) is None
    assert key != exchange.obtain_key(account)


def test_a_deleted_key_is_dead_for_everyone_and_silent() -> None:
    """DELETE ends the key without a word; PUT and DELETE then answer -1125."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    key = exchange.obtain_key(account)
    exchange.release_key(account)

    assert [] == exchange.take_pushes()
    assert exchange.key_owner(key) is None
    for call in (exchange.keep_key, exchange.release_key):
        with pytest.raises(Refused) as refusal:
            call(account)
        assert (400, -1125) == (refusal.value.status, refusal.value.code)


def test_keys_belong_to_one_account_each() -> None:
    """One account's key neither serves nor dies with another's."""
    exchange = Exchange(START_MS)
    alice, bob = exchange.open_account("alice"), exchange.open_account("bob")
    keys = exchange.obtain_key(alice), exchange.obtain_key(bob)
    exchange.release_key(alice)

    assert (None, bob) == (exchange.key_owner(keys[0]), exchange.key_owner(keys[1]))
    assert (None, keys[1]) == (exchange.current_key(alice), exchange.current_key(bob))


def test_secrets_stay_out_of_representations() -> None:
    """No repr shows an API key, a secret or a listen key."""
    exchange = Exchange(START_MS)
    account = exchange.open_account("alice")
    key = exchange.obtain_key(account)
    exchange.expire_key(account)
    shown = repr(account) + repr(exchange.take_pushes()[0])

    assert not any(secret in shown for secret in (key, account.api_key, account.api_secret))
