"""The site's settings: no more than it takes."""

import pathlib

import binance_uds as uds

BASE_DIR = pathlib.Path(__file__).parent

SECRET_KEY = "for your own machine alone"
DEBUG = True
INSTALLED_APPS = ["account"]
ROOT_URLCONF = "account.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "site.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

#: Where the stream connects to.
BINANCE_MARKET = uds.USDM
