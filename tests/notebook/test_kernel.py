"""The display in a real kernel, as a notebook's front end hears of it."""

from __future__ import annotations

import pytest

from tests import screenshots

START = """
import os, threading, attrs, binance_uds as uds
market = attrs.evolve(uds.USDM, rest_url=os.environ["REST_URL"], stream_url=os.environ["STREAM_URL"])
stream = uds.UserDataStream.from_env(market=market)
stream.start()
"""

CELLS = [
    START,
    "stream.show()",
    "stream.show()",
    "thread = threading.Thread(target=stream.show); thread.start(); thread.join()",
    "print([each.name for each in threading.enumerate() if each.name.endswith(' display')])",
    "stream.stop()",
    screenshots.DISPLAY_ENDED,
]


@pytest.mark.slow
def test_cells_that_show_one_stream_are_updated_in_place(exchange, monkeypatch):
    """Each has one output, whichever thread made it; all follow the stream to its end, through one thread of ours."""
    import nbformat

    for name, value in {
        "BINANCE_API_KEY": exchange.api_key,
        "BINANCE_API_SECRET": exchange.api_secret,
        "REST_URL": exchange.rest_url,
        "STREAM_URL": exchange.stream_url,
    }.items():
        monkeypatch.setenv(name, value)
    notebook = screenshots.run(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS]))
    outputs = [cell.outputs for cell in notebook.cells]
    shown = [output["data"]["text/html"] for showing in outputs[1:4] for output in showing]

    assert [1, 1, 1] == [len(showing) for showing in outputs[1:4]]
    assert 1 == len(set(shown))
    assert "■ STOPPED" in shown[0]
    assert 1 == outputs[4][0]["text"].count("display")
    assert exchange.api_key not in str(notebook)
