"""
What decides. Nothing in this floor waits, reads a clock, draws a random number or touches the outside.

Facts come in, commands go out, and time is an argument: ``session.py`` is the table of what follows from what, and
``reactions/`` what is done about it. Frames take the short way, through ``delivery.py``: ``decoding/`` says what one
means, ``ledger/`` counts what was told. ``reading/`` is what REST is asked, by ``repair.py`` and ``audit.py``.
"""
