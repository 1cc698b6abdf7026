"""The door of the command line."""

import pytest

#: Makes the import of a package fail as if it were not installed.
_HIDE = """
class Hidden:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == {name!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""


@pytest.mark.parametrize(
    "name, argument", [("click", "--help"), ("rich", "watch"), ("aiohttp", "demo"), ("aiohttp", "simulate")]
)
def test_missing_extra(command, name, argument):
    """Without the extras it says in one line what to install."""
    running = command(argument, before=_HIDE.format(name=name))
    code, said = running.finish()

    assert (1, "") == (code, said)
    assert [
        f"This needs {name}, which is not installed: pip install 'binance_uds[cli,simulator]'"
    ] == running.errors().splitlines()


def test_watch_needs_no_simulator(command):
    """Watching a real account works without the simulator's extra."""
    running = command("watch", before=_HIDE.format(name="aiohttp"))
    code, _ = running.finish()

    assert 2 == code
    assert "BINANCE_API_KEY is not set" in running.errors()


def test_other_import_errors_are_defects(command):
    """A module of ours that is missing is no missing extra."""
    running = command("--help", before=_BROKEN)
    code, _ = running.finish()

    assert 1 == code
    assert "ModuleNotFoundError: No module named 'nowhere'" in running.errors()


_BROKEN = """
class Broken:
    def find_spec(self, name, path, target=None):
        if name == "binance_uds.cli.commands":
            raise ModuleNotFoundError("No module named 'nowhere'", name="nowhere")
sys.meta_path.insert(0, Broken())
"""
