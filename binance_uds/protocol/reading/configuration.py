"""
Leverage, margin types and modes, as REST tells them.

The stream announces some of their changes and not all, and a frame may be lost, so they are read with everything else:
at the first look, in a repair, by an audit. No sum depends on them, so they are told as soon as they are read.
"""

from __future__ import annotations

from typing import Tuple

import attrs

from ...events.usdm_rows import AccountConfigRow, SymbolConfigRow


@attrs.frozen
class Configuration:
    """
    How the account trades.

    Attributes:
        at_ms: The moment up to which REST knew all that had happened: the rows have no time of their own.
        symbols: Leverage and margin type of every symbol; none where the exchange would not tell.
        modes: The modes, in one row; none where the exchange would not tell.
    """

    at_ms: int
    symbols: Tuple[SymbolConfigRow, ...] = ()
    modes: Tuple[AccountConfigRow, ...] = ()
