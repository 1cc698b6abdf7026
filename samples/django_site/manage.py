"""
A Django site whose account is followed by a process of its own: the recommended way for every application that forks.

    python samples/django_site/manage.py migrate --run-syncdb
    BINANCE_API_KEY=... BINANCE_API_SECRET=... python samples/django_site/manage.py stream_account   # one, for ever
    python samples/django_site/manage.py runserver                                # as many as you like, /fills shows it
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
    execute_from_command_line(sys.argv)
