from django.db import models


class Fill(models.Model):
    symbol = models.CharField(max_length=40)
    order_id = models.BigIntegerField()
    trade_id = models.BigIntegerField()
    side = models.CharField(max_length=4)
    # As text: a database's decimals have a fixed number of digits, an exchange's quantities have not.
    quantity = models.CharField(max_length=40)
    price = models.CharField(max_length=40)
    origin = models.CharField(max_length=10)

    class Meta:
        # What a fill is told apart by; the two fills of a self-trade share a trade id.
        constraints = (models.UniqueConstraint(fields=["symbol", "order_id", "trade_id"], name="one_row_a_fill"),)


class Following(models.Model):
    """What the process that follows the account says of itself, in one row: no other can ask its stream."""

    state = models.CharField(max_length=10, default="IDLE")
    why = models.TextField(default="not started")
    at = models.DateTimeField(null=True)
    cursor = models.TextField(null=True)
