"""
The journal of facts, and its replay.

A recording writes down what comes in at the edges of a run (``runtime/edges.py``), and nothing that the stream makes
of it; a replay is a stream whose edges bring the same again.
"""
