"""
The command line: ``demo``, ``watch`` and ``simulate``.

``commands.py`` is its front; it and what follows need the extras ``cli`` and, but for ``watch``, ``simulator``.
"""
