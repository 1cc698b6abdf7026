"""
Examines what stands between this machine and a stream that works, and says in words what is wrong.

    from binance_uds.doctor import examine

    for finding in examine(uds.Credentials.from_env()):
        print(finding)

It goes the ways that a stream goes, with the same code, and changes one thing: its POST obtains the account's listen
key or, where there is one, extends it by an hour. The key is never DELETEd, for other processes of the account share
it. Nothing is ordered, changed or cancelled.
"""

from __future__ import annotations

from .finding import Finding, Outcome
from .table import examine

__all__ = ["Finding", "Outcome", "examine"]
