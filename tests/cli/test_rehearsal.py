"""A short story before a real stream."""

import binance_uds as uds
from binance_uds.cli import rehearsal
from binance_uds.cli.rehearsal import rehearse
from binance_uds.cli.story import Chapter
from binance_uds.simulator import faults

LOST_FILL = Chapter(faults.LoseFrame("ORDER_TRADE_UPDATE", count=2), "loses a fill on its way", 6, 4)
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
    # Two fills of each fault are swallowed, come what may.
    assert verdict.executed == verdict.delivered >= verdict.recovered >= 4
    assert 0 == verdict.signalled
    assert "unproven" not in verdict.proofs
    assert [chapter.words for chapter in STORY] == [one.fault for one in board.incidents if one.fault]
    assert all(incident.closed is not None for incident in board.incidents)
    assert all(f"exchange   {chapter.words}" in told for chapter in STORY)
    assert "fill" in told
    assert "(by REST)" in told
    assert "settle 0.3 s" in board.title


def test_lost_fill():
    """A fill that was lost on a healthy connection is found and delivered, marked late behind the one that came."""
    board, verdict = rehearse((LOST_FILL,), seed=3)

    assert () == verdict.broken
    assert (1, 1) == (verdict.recovered, verdict.late)
    assert uds.GapCause.FRAMES_MISSING == board.incidents[-1].cause


def test_key_only():
    """Without the secret the swallowed fills are told of and not delivered, and no request is signed."""
    board, verdict = rehearse(STORY, seed=3, signed=False)

    assert () == verdict.broken
    assert (0, {"unproven": verdict.announced}) == (verdict.recovered, verdict.proofs)
    assert verdict.executed - verdict.delivered == verdict.signalled >= 4
    assert "key-only" in board.title


def test_seed_repeats(monkeypatch):
    """The same seed executes the same fills, however long the stream took to recover."""

    def executed(seed):
        seen = []
        real = rehearsal.tally

        def spy(fills, *rest, **options):
            seen.extend((fill.symbol, fill.order_id, fill.trade_id, fill.quantity, fill.price) for fill in fills)
            return real(fills, *rest, **options)

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
