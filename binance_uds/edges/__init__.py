"""
The outside world, one module per thing, its errors translated where they happen.

``rest`` and ``wire`` are the two ways to the exchange, ``clock`` is time and chance. The rooms behind them:
``dial`` opens sockets (proxies, TLS; ``nested`` for both at once), ``deadline`` ends calls that hang,
``bell`` wakes a thread that waits, ``transport`` puts requests onto those sockets, ``answers`` judges what
came back, ``holds`` remembers when the exchange told this process to wait, ``buffered`` and ``framing``
speak WebSocket without blocking.
"""
