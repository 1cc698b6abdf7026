"""The messages we send."""

from __future__ import annotations

import json

from binance_uds.credentials import Secret
from binance_uds.protocol.subscriptions import LIST_ID, LIST_SUBSCRIPTIONS, SUBSCRIBE_ID, subscribe
from tests.protocol.driving import KEY


def test_a_subscription_asks_for_the_key_and_stays_secret():
    """SUBSCRIBE names the listen key, so the whole message is a secret."""
    message = subscribe(Secret(KEY))

    assert {"method": "SUBSCRIBE", "params": [KEY], "id": SUBSCRIBE_ID} == json.loads(message.reveal())
    assert "***" == repr(message) == str(message)


def test_the_question_has_an_id_of_its_own():
    """The two messages can be told apart by the ids that replies repeat."""
    assert {"method": "LIST_SUBSCRIPTIONS", "id": LIST_ID} == json.loads(LIST_SUBSCRIPTIONS)
    assert (1, 2) == (SUBSCRIBE_ID, LIST_ID)
