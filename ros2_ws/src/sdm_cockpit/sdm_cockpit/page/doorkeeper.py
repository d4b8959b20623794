"""Who may see the page: the only socket that faces the world, with viser's own behind it on a loopback address.

viser serves everybody who connects, and a browser lets any site open a WebSocket to this machine. So each connection
begins here: with a Host and an Origin that belong to this page and, where it is opened to a network, with the token.
That is typed into a form and sent in a request's body, never in an address that would end up in logs; a cookie that is
good for this process only stands for it from then on. All this is plain HTTP: who fears eavesdroppers in the network
reaches the page through an SSH tunnel instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import secrets
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

_COOKIE = "cockpit"
_HEAD_BYTES, _FORM_BYTES = 16_384, 1024
_READ_S = 10.0
# A guess costs so long, and the next one waits for it.
_GUESS_S = 1.0
# So many are under way at once; an endless queue would keep every visit, also of those who have long gone.
_MAX_GUESSES = 10
_CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    headers: dict[str, str]
    head: bytes


class Doorkeeper:
    """Accepts on `host`:`port` (0: any free one) and passes on to `backend`, in a thread of its own.

    `token`: what a visitor must know; empty: whoever reaches the socket may enter. Raises OSError where the port is
    taken or the address is not this machine's.
    """

    def __init__(self, host: str, port: int, backend: tuple[str, int], token: str = "") -> None:
        self._backend = backend
        self._token = token
        self._pass = secrets.token_urlsafe(32)
        self._guess = asyncio.Lock()
        self._guesses = 0
        self._loop = asyncio.new_event_loop()
        self._visits: set[asyncio.Task[None]] = set()
        try:
            self._server = self._loop.run_until_complete(asyncio.start_server(self._visit, host, port))
        except OSError:
            self._loop.close()
            raise
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="cockpit_doorkeeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends all connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.current_task()
        assert visit is not None
        self._visits.add(visit)
        try:
            request = await asyncio.wait_for(_read_head(reader), _READ_S)
            if not self._belongs_here(request):
                await _answer(writer, HTTPStatus.FORBIDDEN, "This page is opened by its own address only.")
            elif self._token and not self._knows(request):
                await self._ask(request, reader, writer)
            else:
                await self._pass_on(request, reader, writer)
        except (OSError, ValueError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError):
            pass  # no browser, or one that has gone
        except asyncio.CancelledError:
            pass  # by `close`; asyncio's streams would log it
        finally:
            self._visits.discard(visit)
            writer.close()

    def _belongs_here(self, request: _Request) -> bool:
        """A name that an attacker made lead here is not ours, nor is another site's script."""
        host = request.headers.get("host", "")
        origin = request.headers.get("origin")
        return self._is_ours(host) and (origin is None or urlsplit(origin).netloc == host)

    def _is_ours(self, host: str) -> bool:
        """Where a token protects it, a network may know this machine by whatever name it likes."""
        return bool(self._token) or is_this_machine(urlsplit(f"//{host}").hostname or "")

    def _knows(self, request: _Request) -> bool:
        try:
            cookie = SimpleCookie(request.headers.get("cookie", "")).get(_COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(cookie.value.encode(), self._pass.encode())

    async def _ask(self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if request.method != "POST":
            # Not OK, so that nothing but a browser's window takes the form for what it asked for.
            await _answer(writer, HTTPStatus.UNAUTHORIZED, _FORM.format(line=""))
            return
        length = int(request.headers.get("content-length", "0"))
        if not 0 < length <= _FORM_BYTES:
            raise ValueError(f"a form of {length} bytes")
        form = parse_qs((await asyncio.wait_for(reader.readexactly(length), _READ_S)).decode())
        if self._guesses >= _MAX_GUESSES:
            line = "Too many others are trying tokens; wait a moment, and enter yours again."
            await _answer(writer, HTTPStatus.TOO_MANY_REQUESTS, _FORM.format(line=line))
        elif await self._is_token(form.get("token", [""])[0]):
            cookie = f"{_COOKIE}={self._pass}; HttpOnly; SameSite=Strict; Path=/"
            await _answer(writer, HTTPStatus.SEE_OTHER, "", f"Location: /\r\nSet-Cookie: {cookie}\r\n")
        else:
            await _answer(writer, HTTPStatus.UNAUTHORIZED, _FORM.format(line="That is not the token."))

    async def _is_token(self, guess: str) -> bool:
        """Compared only in its turn, so that many connections guess no faster than one."""
        self._guesses += 1
        try:
            async with self._guess:
                right = hmac.compare_digest(guess.encode(), self._token.encode())
                if not right:
                    await asyncio.sleep(_GUESS_S)
                return right
        finally:
            self._guesses -= 1

    async def _pass_on(self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(*self._backend)
        inner_writer.write(request.head)
        ways = [
            asyncio.create_task(_pump(reader, inner_writer)),
            asyncio.create_task(_pump(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            inner_writer.close()


def is_this_machine(host: str) -> bool:
    """Whether nobody else reaches an address of that name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _read_head(reader: asyncio.StreamReader) -> _Request:
    head = await reader.readuntil(b"\r\n\r\n")
    if len(head) > _HEAD_BYTES:
        raise ValueError(f"a head of {len(head)} bytes")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() in headers:
            raise ValueError(f"{name} comes twice")
        headers[name.lower()] = value.strip()
    return _Request(method, path, headers, head)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()


async def _answer(writer: asyncio.StreamWriter, status: HTTPStatus, body: str, more: str = "") -> None:
    page = body.encode()
    writer.write(
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(page)}\r\nCache-Control: no-store\r\nConnection: close\r\n{more}\r\n".encode()
        + page
    )
    await writer.drain()


_FORM = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Cockpit</title>
<style>
body {{ font: 1.1em system-ui, sans-serif; background: #101113; color: #f1f3f5; display: grid; place-items: center;
  min-height: 90vh; }}
input, button {{ font: inherit; padding: 0.4em 0.7em; border-radius: 6px; border: 1px solid #868e96; }}
button {{ background: #0072b2; color: #f1f3f5; border-color: #0072b2; }}
p {{ color: #e69f00; min-height: 1.4em; }}
</style>
<form method="post" action="/">
<label>The cockpit's token<br><input type="password" name="token" autofocus autocomplete="off"></label>
<button>Enter</button>
<p role="alert">{line}</p>
</form>
</html>
"""
