"""
Who we are to the exchange, held so that it cannot leak by accident.

A secret lives in a ``Secret`` from the moment it is read until the moment its bytes go onto the wire: it prints as
``***``, refuses to be pickled, and the log filter of ``redaction.py`` knows its value.
"""

from __future__ import annotations

import hmac
import os
import re
from typing import Callable, NoReturn, Optional, Union

import attrs

from .errors import ConfigurationError
from .redaction import conceal
from .tags import is_stand_in, tag_of

#: Signs the bytes of a request and answers the signature's text, for Ed25519 and RSA keys.
Signer = Callable[[bytes], str]

_KEY_SHAPE = re.compile(r"[A-Za-z0-9_-]+")


class Secret:
    """
    A text that must not be seen: prints as ``***``, compares by value, does not pickle or copy into a dict.

    ``tag`` tells two secrets apart in logs: the first six hex digits of the SHA-256 of the value.
    """

    __slots__ = ("__weakref__", "_value", "tag")

    def __init__(self, value: str) -> None:
        self._value = value
        self.tag = tag_of(value)
        if not is_stand_in(value):
            conceal(self)

    def reveal(self) -> str:
        """Return the text itself; call it where the bytes are sent, and keep the result in no variable."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret does not pickle")


def plain(text: Union[str, Secret]) -> str:
    """Return a text that may be secret as it is; for the last step before it leaves."""
    return text.reveal() if isinstance(text, Secret) else text


@attrs.frozen(init=False)
class Credentials:
    """
    An API key, and what signs requests with it.

    Attributes:
        api_key: Opens the stream; sent as the ``X-MBX-APIKEY`` header.
        api_secret: The HMAC secret, or None when there is none or ``signer`` signs instead.
        signer: Signs in place of an HMAC secret (Ed25519, RSA).

    Without a secret and a signer the stream is *key-only*: it signals gaps and sends no signed request.
    """

    api_key: Secret
    api_secret: Optional[Secret] = None
    signer: Optional[Signer] = attrs.field(default=None, repr=False)

    def __init__(
        self,
        api_key: Union[str, Secret],
        api_secret: Union[str, Secret, Signer, None] = None,
        signer: Optional[Signer] = None,
    ) -> None:
        """
        Check the texts a user gave and hide them; what is hidden already is taken as it is.

        Args:
            api_key: The API key as Binance shows it.
            api_secret: The HMAC secret, a callable that signs, or None for key-only mode.
            signer: A callable that signs, where there is no secret.

        Raises:
            ConfigurationError: Missing, empty, not text, or not of the form Binance hands out.
        """
        if callable(api_secret):
            api_secret, signer = None, api_secret
        fault = _fault(api_key, "API key")
        if fault is None and isinstance(api_secret, str) and "-----BEGIN" in api_secret:
            fault = (
                "api_secret is a PEM text: for Ed25519 and RSA keys pass a callable that takes the request's bytes "
                "and returns the signature as text"
            )
        if fault is None and api_secret is not None:
            fault = _fault(api_secret, "API secret")
        if fault is not None:
            # A secret with a slip in it is a secret still, and tools print the locals of every frame of a traceback.
            # They would fail at an object that was never finished, too.
            del self, api_key, api_secret
            raise ConfigurationError(fault)
        self.__attrs_init__(_hidden(api_key), None if api_secret is None else _hidden(api_secret), signer)

    @property
    def can_sign(self) -> bool:
        """Whether signed requests are possible."""
        return self.api_secret is not None or self.signer is not None

    @classmethod
    def of(cls, api_key: str, api_secret: Union[str, Signer, None] = None) -> Credentials:
        """
        Return the credentials that these texts are; the same as ``Credentials(api_key, api_secret)``.

        Args:
            api_key: The API key as Binance shows it.
            api_secret: The HMAC secret, a callable that signs, or None for key-only mode.

        Raises:
            ConfigurationError: Missing, empty, not text, or not of the form Binance hands out.
        """
        try:
            return cls(api_key, api_secret)
        finally:
            # As above: this frame is in the traceback, too.
            del api_key, api_secret

    @classmethod
    def from_env(cls) -> Credentials:
        """
        Read ``BINANCE_API_KEY`` and, where it is set, ``BINANCE_API_SECRET``.

        Raises:
            ConfigurationError: The key is not set, or one of the two is malformed.
        """
        if not os.environ.get("BINANCE_API_KEY"):
            raise ConfigurationError("the environment variable BINANCE_API_KEY is not set")
        return cls.of(os.environ["BINANCE_API_KEY"], os.environ.get("BINANCE_API_SECRET") or None)


def _bytes(text: str) -> bytes:
    # What comes from JSON may hold lone surrogates, which plain UTF-8 refuses.
    return text.encode(errors="surrogatepass")


def _hidden(text: Union[str, Secret]) -> Secret:
    return text if isinstance(text, Secret) else Secret(text)


def _fault(text: object, name: str) -> Optional[str]:
    """Return what is wrong with the form of a text, without repeating it, or None when nothing is, or it is hidden."""
    if isinstance(text, Secret):
        return None
    if not isinstance(text, str):
        return f"the {name} must be text, not {type(text).__name__}"
    if not text:
        return f"the {name} is empty"
    if text != text.strip():
        return f"the {name} has white space around it; copy it again"
    if not _KEY_SHAPE.fullmatch(text):
        return f"the {name} has characters that Binance's keys never have; copy it again"
    return None
