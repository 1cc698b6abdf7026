"""The fixture, in a test run of its own."""

import os
import pathlib
import subprocess
import sys

import binance_uds

PLUGIN = "binance_uds.simulator.pytest_plugin"
ROOT = str(pathlib.Path(binance_uds.__file__).parents[1])


def test_the_fixture(tmp_path):
    """A user's test gets a running exchange of its own."""
    (tmp_path / "test_bot.py").write_text(
        """
import requests

ports = []

def test_one(binance_exchange):
    ports.append(binance_exchange.port)
    url = binance_exchange.rest_url + "/fapi/v1/ping"

    assert requests.get(url, timeout=20).ok

def test_two(binance_exchange):
    binance_exchange.buy("BTCUSDT", "0.01")

    assert 1 == len(binance_exchange.fills)
    assert ports
"""
    )
    options = ["-q", "-W", "error", "-p", "no:cacheprovider", "-p", PLUGIN]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        # Where the package is installed, pytest has loaded the plugin by itself.
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": ROOT},
        check=False,
    )

    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_is_light():
    """Test runs that do not use the fixture do not pay for what it needs."""
    heavy = ["aiohttp", "asyncio", "requests", "websocket", "binance_uds.simulator.local"]
    program = f"import sys, {PLUGIN}; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60)

    assert "[]\n" == printed
