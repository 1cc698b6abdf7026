"""Every fault that has a number has a test that shows what becomes of it, and the page that lists them is current."""

from __future__ import annotations

import pytest

from tests import faults


def test_the_page_is_current():
    """Making it anew changes nothing: `make faults` was run."""
    assert faults.page() == (faults.TESTS / "FAULTS.md").read_text()


def test_every_fault_has_a_test():
    """From the first to the last, none without one."""
    assert list(range(1, 67)) == sorted(faults.FAULTS) == list(faults.marked())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("import pytest\n\n@pytest.mark.fault(67)\ndef test_it():\n    pass\n", "there is no such fault"),
        ("import pytest\n\n@pytest.mark.fault(1)\ndef helper():\n    pass\n", "a fault is marked that no test shows"),
    ],
)
def test_a_mark_that_means_nothing_is_refused(monkeypatch, tmp_path, text, complaint):
    """A number that is not in the list, or a function that is no test."""
    (tmp_path / "test_something.py").write_text(text)
    monkeypatch.setattr(faults, "TESTS", tmp_path)

    with pytest.raises(ValueError, match=complaint):
        faults.marked()


def test_tests_are_found_wherever_their_mark_stands(monkeypatch, tmp_path):
    """On a function, on a method, or on a row of parameters."""
    (tmp_path / "test_something.py").write_text(
        "import pytest\n\n"
        "class TestIt:\n    @pytest.mark.fault(2)\n    def test_method(self):\n        pass\n\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.fault(1, 2))])\n"
        "def test_rows(x):\n    pass\n"
    )
    monkeypatch.setattr(faults, "TESTS", tmp_path)

    assert {1: ["[test_rows](test_something.py)"]} == {
        number: list(map(str, tests)) for number, tests in faults.marked().items() if number == 1
    }
    assert ["TestIt::test_method", "test_rows"] == [test.name for test in faults.marked()[2]]
