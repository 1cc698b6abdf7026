"""The story of the demo."""

from binance_uds.cli.story import length_s, tell_story
from binance_uds.simulator import faults


def test_seed():
    """Equal seeds tell equal stories, different seeds different ones."""
    assert tell_story(7) == tell_story(7)
    assert 1 < len({tell_story(seed) for seed in range(10)})


def test_every_kind():
    """Every kind of fault happens once: expiries announced and not, drops, half-open, garbage, a lost fill."""
    for seed in range(10):
        happened = [chapter.fault for chapter in tell_story(seed)]

        assert {0, 1, 2} == {fault.notices for fault in happened if isinstance(fault, faults.ExpireKey)}
        assert {
            faults.ExpireKey,
            faults.NeighbourDeletesKey,
            faults.DropConnections,
            faults.HalfOpen,
            faults.GarbageFrame,
            faults.LoseFrame,
        } == set(map(type, happened))


def test_without_the_secret():
    """The story is the same but for what nobody could notice then: a fill lost on a healthy connection."""
    for seed in range(10):
        whole, rest = tell_story(seed), tell_story(seed, signed=False)

        assert rest == tuple(chapter for chapter in whole if not isinstance(chapter.fault, faults.LoseFrame))
        assert len(whole) - 1 == len(rest)


def test_length():
    """A story leaves room to start, to wait and to settle within 30 seconds, and fits the table."""
    for seed in range(100):
        story = tell_story(seed)

        assert 11 <= length_s(story) <= 18
        assert all(len(chapter.words) <= 30 for chapter in story)
