"""Who takes part in the benchmark: a row of data each."""

from __future__ import annotations

import pathlib
from typing import Optional, Tuple

import attrs

PROGRAMS = pathlib.Path(__file__).parent / "clients"

#: What our own rows are called, and what all are compared with.
OURS, OURS_SPEED, RAW, RAW_FRAMES = "ours", "ours_speed", "raw_orjson", "raw_frames"


#: What importing is measured by: what we stand on; the package alone, whose names are loaded when they are used; what a
#: program writes; and all that a stream has loaded that runs, what we stand on among it.
THEIR_IMPORT, OUR_IMPORT = "import requests, websocket, attrs", "import binance_uds"
PROGRAMS_IMPORT, STREAMS_IMPORT = "from binance_uds import UserDataStream", "import binance_uds.runtime.assembly"


@attrs.frozen
class Entrant:
    """
    A client, or the least that Python can do without one.

    Attributes:
        name: Of its program under ``clients/``, and of its row.
        title: For people.
        delivers: What its callback receives.
        share: How much of the blast it is sent: a slow client would take minutes over all of it, and its rate does
            not depend on the length.
        imports: The statement by which a program imports it; None when that is not worth a figure.
        no_tls: Why it cannot be measured over TLS, when it cannot.
        is_ours: Whether it is installed from the working tree.
        program: Name of the program where several rows share one.
    """

    name: str
    title: str
    delivers: str
    share: float = 1.0
    imports: Optional[str] = None
    no_tls: str = ""
    is_ours: bool = False
    program: str = attrs.field()

    @program.default
    def _own_program(self) -> str:
        return self.name

    @property
    def source(self) -> pathlib.Path:
        """The program."""
        return PROGRAMS / f"{self.program}.py"

    @property
    def requirements(self) -> Optional[pathlib.Path]:
        """What is installed for it; None when the standard library is enough."""
        path = PROGRAMS / "requirements" / f"{self.name}.txt"
        return path if path.exists() else None


_TYPED = "frozen attrs, Decimal"

ENTRANTS: Tuple[Entrant, ...] = (
    Entrant(RAW_FRAMES, "raw socket, frames cut", "bytes"),
    Entrant(RAW, "raw socket + orjson", "dict"),
    Entrant("raw_json", "raw socket + json", "dict"),
    Entrant(OURS, "binance_uds", _TYPED, imports=PROGRAMS_IMPORT, is_ours=True),
    Entrant(OURS_SPEED, "binance_uds[speed]", _TYPED, imports=PROGRAMS_IMPORT, is_ours=True, program="ours"),
    Entrant(
        "nautilus",
        "nautilus_trader",
        "msgspec Struct, amounts as text",
        imports="import nautilus_trader.adapters.binance.websocket.user",
        no_tls="trusts only the certificates it was built with",
    ),
    Entrant("unicorn_picows", "unicorn + picows", "dict", share=0.3, imports="import unicorn_binance_websocket_api"),
    Entrant("python_binance_threaded", "python-binance, threaded", "dict", share=0.1, imports="import binance"),
    Entrant(
        "official_sdk",
        "official SDK",
        "pydantic model, amounts as text",
        share=0.1,
        imports="import binance_sdk_derivatives_trading_usds_futures",
    ),
    Entrant("old_connector", "binance-futures-connector", "text", share=0.1, imports="import binance.um_futures"),
)


def named(name: str) -> Entrant:
    """
    Return an entrant.

    Raises:
        KeyError: There is none of this name.
    """
    return {entrant.name: entrant for entrant in ENTRANTS}[name]
