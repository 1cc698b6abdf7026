"""Where a restart has to begin is handed out, and kept in a store, whatever becomes of the store."""

from __future__ import annotations

import errno
import logging
import os
import stat
from typing import Any, Optional

import attrs
import pytest

import binance_uds as uds
from binance_uds.errors import ConfigurationError
from binance_uds.events import AccountUpdate, Attention, Balance
from binance_uds.instants import Instant
from binance_uds.protocol.ledger.books import Books
from binance_uds.protocol.ledger.cursor import Cursor
from binance_uds.protocol.ledger.handed import Handed
from binance_uds.protocol.plans import PlanWalk
from binance_uds.protocol.session import Session
from binance_uds.runtime.cursors import CursorFile, CursorKeeper, CursorStore, checked_cursor, loaded
from binance_uds.runtime.doors import Doors, Gate
from binance_uds.runtime.watch import StreamLog

SINCE_MS = 1_700_000_000_000
CURSOR = Cursor(market="usdm", since_ms=SINCE_MS, key_tag="ab12cd")


class TestCursorFile:
    """A file that keeps it."""

    def test_what_was_saved_is_loaded(self, tmp_path):
        """And nothing before anything was."""
        file = CursorFile(tmp_path / "cursor")
        before = file.load()
        file.save(CURSOR)

        assert (None, CURSOR) == (before, file.load())
        assert CURSOR == CursorFile(str(tmp_path / "cursor")).load()
        assert f"<CursorFile {tmp_path / 'cursor'}>" == repr(file)

    @pytest.mark.skipif(os.name != "posix", reason="no such bits elsewhere")
    def test_it_is_its_owners(self, tmp_path):
        """Although it holds no secret."""
        CursorFile(tmp_path / "cursor").save(CURSOR)

        assert 0o600 == stat.S_IMODE((tmp_path / "cursor").stat().st_mode)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", CURSOR.to_text()[:-5].encode(), b"x" * 100_000])
    def test_a_damaged_file_is_refused_and_left_as_it_is(self, tmp_path, content):
        """With its name, and what to do."""
        path = tmp_path / "cursor"
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"cursor: this is no cursor.*move its file away") as caught:
            CursorFile(path).load()

        assert caught.value.__context__ is None
        assert content == path.read_bytes()

    def test_a_file_that_cannot_be_read(self, tmp_path):
        """It is not taken for one that is not there."""
        with pytest.raises(ConfigurationError, match=f"{tmp_path} cannot be read: "):
            CursorFile(tmp_path).load()

    def test_a_directory_that_does_not_exist(self, tmp_path):
        """Nothing could ever be written there, so a stream does not begin with it."""
        file = CursorFile(tmp_path / "none" / "cursor")

        with pytest.raises(ConfigurationError, match=f"there is no directory {tmp_path / 'none'}; make it first"):
            file.load()
        with pytest.raises(FileNotFoundError):
            file.save(CURSOR)

    def test_a_path_without_a_directory(self, tmp_path, monkeypatch):
        """It is in the one where the program runs."""
        monkeypatch.chdir(tmp_path)
        CursorFile("cursor").save(CURSOR)

        assert (CURSOR, None) == (CursorFile("cursor").load(), CursorFile("other").load())


class TestWhatAUserGives:
    """A cursor, its text, or a store."""

    def test_each_of_them(self, tmp_path):
        """A text is read at once, a store when the stream starts."""
        store = CursorFile(tmp_path)

        assert [None, CURSOR, CURSOR, store] == [
            checked_cursor(given) for given in (None, CURSOR, CURSOR.to_text(), store)
        ]

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (5, "not of type int"),
            (b"{}", "not of type bytes"),
            ("/var/lib/cursor", r"for a file pass CursorFile\(path\)"),
            ("{}", "no cursor that can be used"),
        ],
    )
    def test_anything_else_is_refused(self, given, words):
        """With what would do."""
        with pytest.raises(ConfigurationError, match=words):
            checked_cursor(given)

    def test_a_store_that_returns_something_else(self):
        """Such as the text itself."""
        store = Memory()
        store.content = CURSOR.to_text()

        with pytest.raises(ConfigurationError, match="must return a Cursor or None, not str"):
            loaded(store)

    def test_a_file_is_a_store(self, tmp_path):
        """By its two methods, as any other."""
        assert isinstance(CursorFile(tmp_path), CursorStore)
        assert not isinstance(CURSOR, CursorStore)


class Memory:
    """A store that remembers what it was given, and fails when a test says so."""

    def __init__(self) -> None:
        self.content: Any = None
        self.saved: list[Cursor] = []
        self.failure: Optional[BaseException] = None
        self.clock: Optional[Hands] = None
        self.takes = 0.0

    def load(self) -> Any:
        """Return what a test put in."""
        return self.content

    def save(self, cursor: Cursor) -> None:
        """Take some time, and keep it or not."""
        if self.clock is not None:
            self.clock.seconds += self.takes
        if self.failure is not None:
            raise self.failure
        self.saved.append(cursor)


@attrs.define
class Hands:
    """A clock whose hands a test moves."""

    seconds: float = 100.0

    def now(self) -> Instant:
        """Return what it shows."""
        return Instant(self.seconds, None, 1_700_000_000.0 + self.seconds)


@attrs.define
class Bench:
    """A keeper and what is around it."""

    keeper: CursorKeeper
    handed: Handed
    doors: Doors
    gate: Gate
    store: Memory
    clock: Hands
    session: Session
    told: list[Attention] = attrs.field(factory=list)

    def hand_over(self, number: int) -> None:
        """Hand an event over."""
        self.keeper.hand_over(update(number))

    def save(self, **options: Any) -> int:
        """Let the keeper save, and return how often anything was."""
        self.told.extend(self.keeper.save(**options))
        return len(self.store.saved)


def update(number: int) -> AccountUpdate:
    """Return an event that changes the cursor."""
    balance = Balance(asset="USDT", wallet_balance=number, cross_wallet_balance=number)
    return AccountUpdate(transaction_time_ms=SINCE_MS + number, balances=(balance,))


@pytest.fixture
def make_bench():
    def make(*, signed: bool = True, resume_ms: Optional[int] = None, has_store: bool = True) -> Bench:
        clock, store, handed, gate = Hands(), Memory(), Handed(counts=signed), Gate()
        store.clock = clock
        session = Session(PlanWalk(uds.USDM.access_plans), signed=signed, resume_ms=resume_ms)
        log = StreamLog("tested")
        doors = Doors(log, 20.0, 100, lambda: None)
        doors.open(gate)
        keeper = CursorKeeper(
            session,
            handed,
            doors,
            clock,  # type: ignore[arg-type]
            log,
            "ab12cd",
            store if has_store else None,
        )
        return Bench(keeper, handed, doors, gate, store, clock, session)

    return make


@pytest.fixture
def bench(make_bench):
    """A keeper of a stream that has looked at its account."""
    made = make_bench()
    books = Books()
    books.chains.grounded_ms = SINCE_MS
    books.delivered.forget_before(SINCE_MS)
    made.handed.restate(books)
    made.save()
    made.store.saved.clear()
    made.clock.seconds += 10
    return made


class TestWhen:
    """What changed is saved soon, and not again and again."""

    def test_nothing_is_saved_while_nothing_changes(self, bench):
        """However often it is asked."""
        assert [0, 0] == [bench.save(), bench.save(is_last=True)]
        assert bench.keeper.next_due() is None

    def test_a_change_is_saved_at_once_and_the_next_a_second_later(self, bench):
        """The loop is told when to wake for it."""
        bench.hand_over(1)
        first = bench.save()
        bench.hand_over(2)
        too_soon, due = bench.save(), bench.keeper.next_due()
        bench.clock.seconds += 1
        later = bench.save()

        assert [1, 1, 2] == [first, too_soon, later]
        assert bench.clock.seconds == due
        assert 2 == bench.store.saved[-1].counts.balances["USDT"][1]

    def test_the_last_one_is_saved_whenever_it_is(self, bench):
        """For nothing will follow."""
        bench.hand_over(1)
        bench.save()
        bench.hand_over(2)

        assert 2 == bench.save(is_last=True)

    def test_a_slow_store_is_asked_less_often(self, bench):
        """Saving takes a twentieth of the stream's time at most."""
        bench.store.takes = 0.5
        bench.hand_over(1)
        bench.save()
        bench.hand_over(2)

        assert bench.clock.seconds + 10 == bench.keeper.next_due()

    def test_without_a_store_nothing_is_ever_due(self, make_bench):
        """The cursor is there all the same."""
        bench = make_bench(has_store=False)
        bench.handed.restate(Books())

        assert bench.keeper.next_due() is None
        assert () == bench.keeper.save(is_last=True)

    def test_without_a_secret_it_is_saved_with_each_proof(self, make_bench):
        """Every probe moves the moment up to which nothing can be missing."""
        bench = make_bench(signed=False)
        before = bench.save()
        now = bench.clock.now()
        bench.session.clock.set(SINCE_MS, now, now)
        bench.session.proofs.renew_key(now)
        bench.session.proofs.renew_transport(now)
        bench.session.stand(started=True, serving=True, was_live=True)

        assert (0, 1) == (before, bench.save())
        assert bench.session.blind_since_ms(now) == bench.store.saved[0].since_ms


class TestFailures:
    """A store that fails is told of, and is not the end of anything."""

    @pytest.mark.parametrize(
        ("failure", "words"),
        [
            (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
            (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), "Permission denied"),
            (RuntimeError("password in the message"), "RuntimeError"),
        ],
    )
    def test_it_is_told_once_and_tried_again(self, bench, caplog, failure, words):
        """Until it succeeds; what the store itself says goes into the log alone."""
        bench.store.failure = failure
        bench.hand_over(1)
        for _ in range(3):
            bench.save()
            bench.clock.seconds += 1
        bench.store.failure = None
        saved = bench.save()

        assert (1, None) == (saved, bench.keeper.next_due())
        assert ["cursor-not-saved"] == [told.code for told in bench.told]
        assert f"was not saved ({words}); the stream goes on" in bench.told[0].message
        assert "password" not in bench.told[0].message
        assert [True, False, False] == [record.exc_info is not None for record in caplog.records]

    def test_a_second_failure_is_told_again(self, bench):
        """After it had succeeded."""
        for number in range(3):
            bench.store.failure = OSError(errno.ENOSPC, "full") if number != 1 else None
            bench.hand_over(number)
            bench.save()
            bench.clock.seconds += 1

        assert 2 == len(bench.told)

    def test_it_is_tried_no_more_often_than_it_would_be_saved(self, bench):
        """A disk that is full is not hammered."""
        bench.store.failure = OSError(errno.ENOSPC, "full")
        bench.hand_over(1)
        bench.save()

        assert bench.clock.seconds + 1 == bench.keeper.next_due()


class TestWhatCounts:
    """An event counts when everyone has had it."""

    def cursor(self, bench: Bench) -> Optional[Any]:
        """Return the balance that the cursor knows."""
        found = bench.keeper.cursor(bench.clock.now())
        assert found is not None
        return found.counts.balances.get("USDT", (0, None))[1]

    def test_inside_its_callback_and_after_it(self, bench):
        """Whoever writes both in one transaction has both or neither."""
        inside = []
        bench.doors.add(AccountUpdate, lambda event: inside.append(self.cursor(bench)))
        bench.hand_over(1)

        assert ([1], 1) == (inside, self.cursor(bench))

    def test_a_callback_that_raises_has_had_it(self, bench, caplog):
        """The stream goes on, and so does the cursor."""

        def raising(event: AccountUpdate) -> None:
            raise ValueError("no")

        bench.doors.add(AccountUpdate, raising)
        bench.hand_over(1)

        assert 1 == self.cursor(bench)
        assert logging.ERROR == caplog.records[0].levelno

    @pytest.mark.parametrize(("error", "counts"), [(SystemExit, 1), (KeyboardInterrupt, None)])
    def test_an_exit_is_the_callbacks_own_and_ctrl_c_is_not(self, bench, error, counts):
        """What was interrupted is delivered once more, rather than not at all."""

        def ending(event: AccountUpdate) -> None:
            raise error

        bench.doors.add(AccountUpdate, ending)
        bench.hand_over(1)

        assert counts == self.cursor(bench)

    def test_a_callback_that_was_left_out_has_not_had_it(self, bench):
        """Another one of the same event ended the program before it."""

        def ending(event: AccountUpdate) -> None:
            raise SystemExit

        bench.doors.add(AccountUpdate, ending)
        bench.doors.add(AccountUpdate, lambda event: None)
        bench.hand_over(1)

        assert self.cursor(bench) is None

    def test_after_a_stop_that_gave_up_nothing_counts(self, bench):
        """No further callback starts, so nobody has it; and what the books know of it is not believed."""
        bench.doors.add(AccountUpdate, lambda event: None)
        bench.doors.shut(bench.gate)
        bench.hand_over(1)
        books = Books()
        books.delivered.forget_before(SINCE_MS + 5)
        bench.handed.restate(books)

        assert self.cursor(bench) is None
        assert SINCE_MS == bench.keeper.cursor(bench.clock.now()).since_ms

    def test_what_nobody_wants_counts(self, bench):
        """There is no callback that could miss it."""
        bench.hand_over(1)

        assert 1 == self.cursor(bench)


class TestWithoutASecret:
    """Nothing is audited; the proofs say from when on something may be missing."""

    def test_before_anything_is_proven(self, make_bench):
        """It is where the former run ended, or nowhere."""
        nowhere, former = make_bench(signed=False), make_bench(signed=False, resume_ms=SINCE_MS)

        assert nowhere.keeper.cursor(nowhere.clock.now()) is None
        assert SINCE_MS == former.keeper.cursor(former.clock.now()).since_ms

    def test_before_anybody_knows_what_time_it_is(self, make_bench):
        """A date by this machine's clock alone may be any."""
        bench = make_bench(signed=False, resume_ms=SINCE_MS)
        bench.session.proofs.renew_key(bench.clock.now())
        bench.session.stand(started=True, serving=True, was_live=True)

        assert SINCE_MS == bench.keeper.cursor(bench.clock.now()).since_ms

    def test_an_open_gap_is_open_after_a_restart_too(self, make_bench):
        """The process may die before it is announced as over."""
        bench = make_bench(signed=False)
        proven = bench.clock.now()
        bench.session.proofs.renew_key(proven)
        bench.session.clock.set(SINCE_MS, proven, proven)
        bench.session.stand(started=True, serving=True, was_live=True)
        bench.clock.seconds += 1000
        list(bench.session.open_gap("tested", bench.clock.now()))
        bench.session.proofs.renew_key(bench.clock.now())
        since_ms = bench.session.open_gaps[0].since_ms

        assert bench.session.blind_since_ms(proven) == since_ms
        assert since_ms == bench.keeper.cursor(bench.clock.now()).since_ms
