import datetime

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone

from account.models import Fill, Following

#: The process that follows the account tells of itself every few seconds; from so old a word on it counts as gone.
SILENCE = datetime.timedelta(seconds=30)


def show_fills(request: HttpRequest) -> JsonResponse:
    following = Following.objects.filter(pk=1).first()
    is_heard = following is not None and following.at is not None and timezone.now() - following.at < SILENCE
    newest = Fill.objects.order_by("-pk").values("symbol", "side", "quantity", "price", "origin")[:100]
    return JsonResponse({"state": following.state if is_heard else "UNKNOWN", "fills": list(newest)})


urlpatterns = [path("fills", show_fills)]
