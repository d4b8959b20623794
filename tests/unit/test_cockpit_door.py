"""Who gets to see the cockpit's page: origins, names, tokens; and that nothing of it reaches who does not."""

from __future__ import annotations

import http.client
import select
import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlencode

import pytest
import viser
from helpers.page_client import PageClient
from helpers.page_operator import PageOperator
from sdm_cockpit.page import doorkeeper
from sdm_cockpit.page.page import Page, PageOptions
from sdm_cockpit.snapshot import Snapshot
from websockets.exceptions import InvalidStatus

TOKEN = "open sesame & more"


def ask(
    page: Page, method: str = "GET", path: str = "/", form: dict[str, str] | None = None, **headers: str
) -> http.client.HTTPResponse:
    port = int(page.url.rsplit(":", 1)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = None if form is None else urlencode(form)
    connection.request(method, path, body, headers)
    return connection.getresponse()


def guess(page: Page, token: str) -> http.client.HTTPConnection:
    """A token is entered, and nobody waits for the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", int(page.url.rsplit(":", 1)[1]), timeout=20)
    connection.request("POST", "/", urlencode({"token": token}))
    return connection


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page(PageOptions(port=0), PageOperator())
    yield page
    page.close()


@pytest.fixture
def guarded() -> Iterator[Page]:
    page = Page(PageOptions(port=0, token=TOKEN), PageOperator())
    page.show(Snapshot(0.0))
    yield page
    page.close()


def test_this_machine_may_enter(page: Page) -> None:
    answer = ask(page)
    assert answer.status == 200
    assert b"<html" in answer.read()
    assert page.url.startswith("http://127.0.0.1:")


def test_another_site_in_the_same_browser_may_not(page: Page) -> None:
    assert ask(page, Origin="http://evil.example").status == 403
    assert ask(page, Origin="null").status == 403
    with pytest.raises(InvalidStatus):
        PageClient(page.url, Origin="http://evil.example")
    PageClient(page.url, Origin=page.url).close()


def test_a_name_that_was_made_to_lead_here_is_not_ours(page: Page) -> None:
    assert ask(page, Host="evil.example").status == 403
    assert ask(page, Host="localhost:1").status == 200


def test_without_the_token_there_is_a_form_and_nothing_else(guarded: Page) -> None:
    for path in ("/", "/index.html", "/?token=" + TOKEN.replace(" ", "%20")):
        answer = ask(guarded, path=path)
        assert answer.status == 401
        form = answer.read()
        assert b'name="token"' in form
        assert TOKEN.encode() not in form
        assert len(form) < 3000
    with pytest.raises(InvalidStatus):
        PageClient(guarded.url)


def test_a_wrong_token_opens_nothing(guarded: Page) -> None:
    for wrong in ("", "open", TOKEN + "x", "ö"):
        answer = ask(guarded, "POST", form={"token": wrong})
        assert answer.status == 401
        assert answer.getheader("Set-Cookie") is None
    assert b"not the token" in answer.read()


def test_guesses_are_taken_one_by_one_the_right_one_in_its_turn(guarded: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorkeeper, "_GUESS_S", 0.2)
    guesses = [guess(guarded, f"wrong {number}") for number in range(4)]
    sockets = [connection.sock for connection in guesses]
    assert select.select(sockets, [], [], 20.0)[0]  # the others wait
    assert ask(guarded, "POST", form={"token": TOKEN}).status == 303
    assert select.select(sockets, [], [], 0.0)[0] == sockets
    assert {connection.getresponse().status for connection in guesses} == {401}


def test_whoever_tries_many_tokens_at_once_is_sent_away_and_learns_nothing(
    guarded: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorkeeper, "_GUESS_S", 60.0)
    guesses = [guess(guarded, f"wrong {number}") for number in range(11)]
    (refused,) = select.select([connection.sock for connection in guesses], [], [], 20.0)[0]
    assert next(connection for connection in guesses if connection.sock is refused).getresponse().status == 429
    answer = ask(guarded, "POST", form={"token": TOKEN})
    assert (answer.status, answer.getheader("Set-Cookie")) == (429, None)
    assert b"wait a moment" in answer.read()


def test_the_token_opens_the_page_by_a_cookie_that_scripts_and_sites_cannot_use(guarded: Page) -> None:
    answer = ask(guarded, "POST", form={"token": TOKEN})
    assert answer.status == 303
    assert answer.getheader("Location") == "/"
    cookie = answer.getheader("Set-Cookie") or ""
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    mine = cookie.split(";")[0]
    assert ask(guarded, Cookie=mine).status == 200
    assert ask(guarded, Cookie=f"other=1; {mine}").status == 200
    assert ask(guarded, Cookie=f"{mine}x").status == 401
    assert ask(guarded, Cookie=mine, Origin="http://evil.example").status == 403
    visitor = PageClient(guarded.url, Cookie=mine)
    visitor.close()


def test_a_cookie_is_good_for_one_process(guarded: Page) -> None:
    other = Page(PageOptions(port=0, token=TOKEN), PageOperator())
    try:
        cookie = (ask(other, "POST", form={"token": TOKEN}).getheader("Set-Cookie") or "").split(";")[0]
        assert ask(other, Cookie=cookie).status == 200
        assert ask(guarded, Cookie=cookie).status == 401
    finally:
        other.close()


@pytest.mark.parametrize("garbage", [b"\r\n\r\n", b"GET /\r\n\r\n", b"\xff" * 100_000, b"A: b\r\nA: c\r\n\r\n", b""])
def test_garbage_at_the_door_leaves_it_open_to_others(page: Page, garbage: bytes) -> None:
    port = int(page.url.rsplit(":", 1)[1])
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as visitor:
        visitor.sendall(garbage)
        visitor.shutdown(socket.SHUT_WR)
        while visitor.recv(65536):
            pass
    assert ask(page).status == 200


def test_a_page_on_a_network_wants_a_token() -> None:
    with pytest.raises(ValueError, match=r"host 0\.0\.0\.0 opens the page to a network"):
        Page(PageOptions(host="0.0.0.0", port=0), PageOperator())


def test_a_port_that_is_taken_is_not_replaced_by_another(page: Page) -> None:
    with pytest.raises(OSError, match="in use"):
        Page(PageOptions(port=int(page.url.rsplit(":", 1)[1])), PageOperator())


def test_a_closed_page_is_gone() -> None:
    page = Page(PageOptions(port=0), PageOperator())
    visitor = PageClient(page.url)
    page.close()
    visitor.close()
    with pytest.raises(ConnectionRefusedError):
        ask(page)


def test_nothing_is_shared_through_others_servers(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[object] = []
    monkeypatch.setattr(viser.ViserServer, "request_share_url", lambda *_, **__: shared.append(1))
    visitor = PageClient(page.url)
    visitor.say({"type": "ShareUrlRequest"})
    visitor.click("Pause (space)")
    visitor.wait_for(lambda m: "so it is" in str(m))
    visitor.close()
    assert not shared
