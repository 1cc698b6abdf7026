import contextlib
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, close_old_connections, connection, transaction
from django.utils import timezone

import binance_uds as uds
from account.models import Fill, Following

#: Seconds between two words of this process about itself.
BEAT_S = 5.0


class Command(BaseCommand):
    help = "Follow the account and write each fill into the database, once; until SIGTERM or Ctrl-C."

    def handle(self, *arguments: Any, **options: Any) -> None:
        row, _ = Following.objects.get_or_create(pk=1)
        stream = uds.UserDataStream.from_env(market=settings.BINANCE_MARKET, name="account", cursor=row.cursor)

        @stream.on(uds.Event)
        def book(event: uds.Event) -> None:
            # The connection may have ended since the last event, hours ago.
            close_old_connections()
            try:
                # Fill and cursor together: after a crash the next run goes on where this one really was.
                with transaction.atomic():
                    cursor = stream.cursor
                    if cursor is not None:
                        Following.objects.filter(pk=1).update(cursor=cursor.to_text())
                    if isinstance(event, uds.OrderTradeUpdate) and event.is_fill:
                        Fill.objects.create(
                            symbol=event.symbol,
                            order_id=event.order_id,
                            trade_id=event.trade_id,
                            side=event.side,
                            quantity=event.last_filled_quantity,
                            price=event.last_filled_price,
                            origin=event.origin,
                        )
            except Error as error:
                # Going on would leave this fill out for good. The next run gets it again.
                raise SystemExit(f"not booked: {error}") from None

        @stream.on(uds.StateChanged)
        def tell(change: uds.StateChanged) -> None:
            self.stdout.write(f"{change.new}: {change.reason}")

        ended = threading.Event()
        beats = threading.Thread(target=self.tell_others, args=(stream, ended), daemon=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            # Inside a handler stop() only asks; run() then ends.
            signal.signal(number, lambda *_: stream.stop())
        beats.start()
        try:
            # In this thread: callbacks have its database connection.
            stream.run()
        except uds.UserDataStreamError as error:
            raise CommandError(str(error)) from error
        finally:
            ended.set()
            beats.join()

    @staticmethod
    def tell_others(stream: uds.UserDataStream, ended: threading.Event) -> None:
        """Tell the other processes how the stream is, again and again: silence tells them that this one is gone."""
        is_over = False
        while not is_over:
            is_over = ended.wait(BEAT_S if stream.state is uds.StreamState.LIVE else BEAT_S / 10)
            health = stream.health
            close_old_connections()
            # Where that fails the others hear nothing, which is what they are to know.
            with contextlib.suppress(Error):
                Following.objects.filter(pk=1).update(state=str(health.state), why=health.why, at=timezone.now())
        connection.close()
