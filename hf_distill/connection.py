"""Talking to the Hub: how long it may take, and what went wrong in one line."""

from __future__ import annotations

import contextlib
import errno
import re
import threading
from collections.abc import Iterator
from typing import Any

from huggingface_hub import close_session, get_token, set_client_factory
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import _http

from hf_distill.errors import DistillError, HubError
from hf_distill.text import masked, printable, shorten

#: Seconds that a server may be silent in the middle of a request; the client's own default is for ever.
SILENCE = 30.0
#: Seconds that a server may ask to wait before the client tries again; of longer ones it takes its own pauses.
_LONGEST_PAUSE = 30
_LOG_IN = "log in with `hf auth login` or pass a token"
_QUOTA = re.compile(r"quota|storage|limit|exceed|too large|payment|billing", re.I)
# Failures of this machine's file system, where downloads go: no fault of the Hub.
_LOCAL = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR}

_inner: Any = None
_overdue = threading.Event()


@contextlib.contextmanager
def hub_requests(
    what: str, *, revision: str | None = None, token: str | None = None, seconds: float | None = None
) -> Iterator[None]:
    """Say in one line what goes wrong with the requests of a block, and see that they end.

    The client takes answers apart without a look at their shape, so that an unexpected one is any exception: the
    block holds nothing but calls of the client.

    Args:
        what: What is sent or fetched, for the message.
        revision: The revision that was asked for.
        token: The access token that was given; wherever a message repeats it, it is masked.
        seconds: How long all of them together may take, though bytes keep coming.

    Raises:
        HubError: The Hub refused, cannot be reached, is too slow or gave an answer that is none.
    """
    _bound_clients()
    watch = threading.Timer(seconds or 0, _stop)
    watch.daemon = True
    if seconds is not None:
        watch.start()
    try:
        yield
    except DistillError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _LOCAL and not isinstance(error, HTTPError):
            raise
        if _overdue.is_set():
            raise HubError(f"{what}: the Hub is too slow, not done after {seconds:g} s: try again") from error
        # A download hides the answer behind "not in the cache".
        cause = error.__cause__ if isinstance(error.__cause__, HfHubHTTPError) else error
        secrets = [secret for secret in (token, get_token()) if secret]
        raise HubError(printable(_reason(cause, what, revision, secrets))) from error
    finally:
        watch.cancel()
        _overdue.clear()


def _bound_clients() -> None:
    """Make the client's connections have limits, those of a factory that the user has set too."""
    global _inner
    if _http._GLOBAL_CLIENT_FACTORY is not _client:
        _inner = _http._GLOBAL_CLIENT_FACTORY
        set_client_factory(_client)


def _client() -> Any:
    client = _inner()
    hooks = client.event_hooks
    client.event_hooks = {
        "request": [*hooks.get("request", ()), _limit],
        "response": [*hooks.get("response", ()), _hasten],
    }
    return client


def _limit(request: Any) -> None:
    if _overdue.is_set():
        raise TimeoutError("no time is left")
    # Most calls ask for no limit; the shorter ones of some stay.
    asked = request.extensions.get("timeout") or {}
    request.extensions["timeout"] = {
        kind: min(asked.get(kind) or SILENCE, SILENCE) for kind in ("connect", "read", "write", "pool")
    }


def _hasten(response: Any) -> None:
    for name in ("retry-after", "ratelimit"):
        numbers = re.findall(r"\d+", response.headers.get(name, "").rsplit("t=")[-1])
        if any(len(number) > 9 or int(number) > _LONGEST_PAUSE for number in numbers):
            del response.headers[name]


def _stop() -> None:
    _overdue.set()
    close_session()  # what is being read ends; what would be asked again is refused by _limit


def _reason(error: BaseException, what: str, revision: str | None, secrets: list[str]) -> str:
    said = _said(str(error) or type(error).__name__, secrets)
    if isinstance(error, LocalTokenNotFoundError):
        return f"{what}: no access token: {_LOG_IN}"
    if isinstance(error, RevisionNotFoundError):
        return f"{what} has no branch, tag or commit {revision!r}"
    if isinstance(error, HfHubHTTPError):
        return _refusal(error, what, secrets)
    # The offline mode's error is a ConnectionError, and "not in the cache" comes of a Hub that is out of reach.
    if isinstance(error, (HTTPError, ConnectionError, TimeoutError, EntryNotFoundError)):
        return f"{what}: the Hub cannot be reached ({said})"
    if said.startswith("Invalid metadata in README.md"):
        return f"{what}: the Hub refuses the dataset card ({said})"
    return f"{what}: the Hub's answer is none that can be read ({type(error).__name__}: {said}): try again later"


def _refusal(error: HfHubHTTPError, what: str, secrets: list[str]) -> str:
    """Say what an answer with an error status means."""
    status, detail = error.response.status_code, _said(error.server_message or "", secrets)
    because = f" ({detail})" if detail else ""
    if status == 400 and error.response.url.path.endswith("/validate-yaml"):
        return f"{what}: the Hub refuses the dataset card{because}"
    if isinstance(error, GatedRepoError):
        return f"{what}: access has to be asked for on its page on the Hub{because}"
    if status == 401 and not isinstance(error, RepositoryNotFoundError):
        return f"{what}: the Hub does not accept the access token, or there is none: {_LOG_IN}"
    if status in (401, 404):
        return f"no Hub dataset {what}, or it is private: check the name, or {_LOG_IN}"
    if status in (402, 413) or (status == 403 and _QUOTA.search(detail)):
        return f"{what}: it goes beyond what the Hub lets this account store{because}"
    if status == 403:
        return f"{what}: your access token has no permission for it{because}: use a token that may write to it"
    if status == 412:
        return f"{what} changed during the upload: push again"
    if status == 429:
        return f"{what}: the Hub has had too many requests{because}: wait some minutes and try again"
    if status >= 500:
        return f"{what}: the Hub has a fault of its own, {status}{because}: try again later"
    return f"{what}: the Hub answered {status}{because}"


def _said(text: str, secrets: list[str]) -> str:
    """Return a server's text so that it may be shown."""
    for secret in secrets:
        text = text.replace(secret, "hf_***")
    return shorten(printable(masked(text[:10_000])))
