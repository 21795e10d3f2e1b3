"""What a Hub, or whatever stands between it and the client, can do to a request instead of answering it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.hub_server import LoopbackHub

#: The token of the tests; a server that repeats it must not make the client print it.
TOKEN = "hf_loopback"
_PLACE = f"\x1b[31m tells {TOKEN} \x1b]0;title\x07"


def _status(status: int, message: str) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.send({"error": message}, status)

    return answer


def _body(content: Any, kind: str = "application/json") -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.send(content, headers={"Content-Type": kind})

    return answer


def _truncated(handler: Any) -> None:
    handler.send(b'{"files": [', headers={"Content-Length": "1000"})
    handler.close_connection = True


def _dropped(handler: Any) -> None:
    handler.close_connection = True
    handler.connection.close()


def _slow(handler: Any) -> None:
    # A byte now and then, so that no time limit of a single read is ever reached.
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(2000):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)


def _silent(handler: Any) -> None:
    with contextlib.suppress(OSError):
        handler.connection.settimeout(20)
        handler.connection.recv(1)


FAULTS: dict[str, Callable[[Any], None]] = {
    "400": _status(400, f"bad request {_PLACE}"),
    "401": _status(401, f"who are you {_PLACE}"),
    "403 quota": _status(403, "Private repository storage limit reached, upgrade your plan"),
    "403": _status(403, f"Forbidden: {_PLACE}" + "long " * 1000),
    "404": _status(404, "Sorry, we can't find the page"),
    "409": _status(409, "Conflict"),
    "412": _status(412, "A commit has happened since"),
    "413": _status(413, "Payload too large"),
    "429": _status(429, "Slow down"),
    "500": _status(500, f"Internal Error {_PLACE}"),
    "503": lambda handler: handler.send({"error": "Unavailable"}, 503, {"Retry-After": "86400"}),
    "empty": _body(b""),
    "HTML": _body(b"<!DOCTYPE html><html><body>Log in to the hotel's network</body></html>", "text/html"),
    "list": _body([]),
    "null": _body(None),
    "no keys": _body({}),
    "odd values": lambda handler: handler.send(json.dumps({"url": 1, "id": [], "files": {"a": 1}, "siblings": 3})),
    "truncated": _truncated,
    "dropped": _dropped,
    "slow": _slow,
    "silent": _silent,
}


@contextlib.contextmanager
def failing(hub: LoopbackHub, kind: str, fault: str) -> Iterator[None]:
    """Do this to every request of a kind, as :attr:`LoopbackHub.asked` names it."""

    def act(handler: Any) -> bool:
        if handler.kind != kind:
            return False
        FAULTS[fault](handler)
        return True

    hub.fault = act
    try:
        yield
    finally:
        hub.fault = None
