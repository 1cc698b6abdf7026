"""What a client promises beyond what every client does."""

from __future__ import annotations

import attrs


@attrs.frozen
class Promise:
    """
    What a client promises beyond what every client does.

    Attributes:
        repairs: Whether fills of a gap are delivered all the same, unless the gap's report gives them up, and fills
            lost on a healthy connection as well.
        recognises_copies: Whether an event that the exchange sends twice is delivered once.
        keeps_account: Whether it shows the account.
        survives_restart: Whether what happens between a stop and the next start is delivered after it.
    """

    repairs: bool = False
    recognises_copies: bool = False
    keeps_account: bool = False
    survives_restart: bool = False
