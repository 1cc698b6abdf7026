"""A short story before a real stream."""

from binance_uds.cli import rehearsal
from binance_uds.cli.rehearsal import rehearse
from binance_uds.cli.story import Chapter
from binance_uds.simulator import faults

STORY = (
    Chapter(faults.ExpireKey(notices=1), "expires the key, says so once", 6, 4),
    Chapter(faults.DropConnections("reset"), "drops the connection", 6, 4),
)


def test_rehearse(capsys):
    """Every promise is kept, every fault is answered by a gap, and what happened was told line by line."""
    board, verdict = rehearse(STORY, seed=3)
    told = capsys.readouterr().out

    assert () == verdict.broken
    assert 2 == verdict.mishaps <= verdict.announced == verdict.closed
    assert verdict.executed == verdict.delivered + verdict.missing_inside
    assert [chapter.words for chapter in STORY] == [one.fault for one in board.incidents if one.fault]
    assert all(incident.closed is not None for incident in board.incidents)
    assert all(f"exchange   {chapter.words}" in told for chapter in STORY)
    assert "fill" in told


def test_seed_repeats(monkeypatch):
    """The same seed executes the same fills, however long the stream took to recover."""

    def executed(seed):
        seen = []
        real = rehearsal.tally

        def spy(fills, *rest):
            seen.extend((fill.symbol, fill.order_id, fill.trade_id, fill.quantity, fill.price) for fill in fills)
            return real(fills, *rest)

        with monkeypatch.context() as patched:
            patched.setattr(rehearsal, "tally", spy)
            rehearse(STORY[:1], seed)
        return seen

    first = executed(5)

    assert [] != first == executed(5)
    assert first != executed(6)


def test_fault_that_is_not_noticed(monkeypatch):
    """A story ends early, with a broken promise, when the stream does not notice a fault."""
    monkeypatch.setattr(rehearsal, "_PATIENCE", 0.5)
    nothing = Chapter(faults.PingFlood(0), "does something nobody can notice", 1, 1)
    _, verdict = rehearse((nothing, *STORY), seed=3)

    assert '"does something nobody can notice" was followed by no gap that covers it' in verdict.broken
    assert 1 == verdict.mishaps
