"""The story of the demo."""

from binance_uds.cli.story import length_s, tell_story
from binance_uds.simulator import faults


def test_seed():
    """Equal seeds tell equal stories, different seeds different ones."""
    assert tell_story(7) == tell_story(7)
    assert 1 < len({tell_story(seed) for seed in range(10)})


def test_every_kind():
    """Every kind of fault happens once: expiries announced and not, drops, half-open, garbage."""
    for seed in range(10):
        happened = [chapter.fault for chapter in tell_story(seed)]

        assert {0, 1, 2} == {fault.notices for fault in happened if isinstance(fault, faults.ExpireKey)}
        assert {
            faults.ExpireKey,
            faults.NeighbourDeletesKey,
            faults.DropConnections,
            faults.HalfOpen,
            faults.GarbageFrame,
        } == set(map(type, happened))


def test_length():
    """A story leaves room to start, to wait and to settle within 30 seconds, and fits the table."""
    for seed in range(100):
        story = tell_story(seed)

        assert 15 <= length_s(story) <= 22
        assert all(len(chapter.words) <= 30 for chapter in story)
