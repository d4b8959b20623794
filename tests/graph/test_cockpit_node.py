"""cockpit_node as a process: its one line, its page, its end, and its errors."""

from __future__ import annotations

import re
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from helpers.contracts import small_contract
from helpers.graph import Graph, NodeProcess, graph


@pytest.fixture
def contract_file(tmp_path: Path) -> Path:
    path = tmp_path / "contract.yaml"
    small_contract().save(path)
    return path


def address(world: Graph, process: NodeProcess) -> str:
    """Where its page is, which it says in one line."""
    pattern = re.compile(r"cockpit: (http://\S+)")
    assert world.spin_until(lambda: pattern.search(process.output) is not None, 60.0), process.output
    found = pattern.findall(process.output)
    assert len(found) == 1
    return found[0]


def test_the_page_is_served_until_the_node_is_interrupted(tmp_path: Path, contract_file: Path) -> None:
    with graph(tmp_path) as world:
        process = world.start("cockpit_node", niceness=0, checkpoint=contract_file, port=0)
        with urllib.request.urlopen(address(world, process), timeout=20) as response:
            assert response.status == 200
            assert b"<html" in response.read().lower()
        assert process.end(signal.SIGINT) == 0, process.output
        assert "Traceback" not in process.output


def test_a_page_for_the_network_asks_for_the_token_of_its_file(tmp_path: Path, contract_file: Path) -> None:
    token = tmp_path / "token"
    token.write_text("correct horse battery\n")
    with graph(tmp_path) as world:
        process = world.start(
            "cockpit_node", niceness=0, checkpoint=contract_file, host="0.0.0.0", port=0, token_file=token
        )
        page = address(world, process).replace("0.0.0.0", "127.0.0.1")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(page, timeout=20)
        assert "correct horse" not in process.output
        assert f"the token is in {token}" in process.output


def test_a_user_s_mistake_is_one_line(tmp_path: Path) -> None:
    with graph(tmp_path) as world:
        process = world.start("cockpit_node", niceness=0, checkpoint=tmp_path / "nothing", port=0)
        assert process.process.wait(60) == 1
        assert process.output.startswith("error: ")
        assert len(process.output.splitlines()) == 1
