"""Where an exception could show a secret: its words, its chain, and the locals of our frames in its traceback."""

from __future__ import annotations

import pathlib
import pickle
import traceback

import binance_uds

PACKAGE = str(pathlib.Path(binance_uds.__file__).parent)


def shown_by(error: BaseException) -> str:
    """Return everything that tools print of an exception, the locals of the caller's own frames excepted."""
    shown = [repr(error), str(error), repr(vars(error)), repr(error.args), repr(pickle.dumps(error))]
    shown += traceback.format_exception(None, error, error.__traceback__)
    for link in (error, error.__cause__, error.__context__):
        for frame, _ in traceback.walk_tb(link.__traceback__ if link is not None else None):
            if frame.f_code.co_filename.startswith(PACKAGE):
                shown.append(repr(frame.f_locals))
    return "\n".join(shown)
