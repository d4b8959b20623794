"""Fixtures that the tests share; the builders behind them are in tests/helpers."""

from __future__ import annotations

import os

# Before numpy is imported anywhere: several thread pools on two cores only slow each other down.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("LP_NUM_THREADS", "1")

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sdm_sim  # noqa: F401  (chooses mujoco's renderer, before mujoco is imported anywhere)
from helpers.contracts import small_contract
from helpers.linear_policy import LinearPolicy
from hypothesis import settings
from sdm_core.checkpoint import Checkpoint
from sdm_core.contract import Contract
from sdm_sim.registry import make_task
from sdm_sim.task import Task

# Machines that run the tests are shared and slow at times: an example may take as long as it must, and none is random.
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("repeatable")

# What a shell starts in the background ignores Ctrl-C, and would hand that on to the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def contract() -> Contract:
    """A small contract of native commands; see helpers.contracts."""
    return small_contract()


@pytest.fixture
def policy(contract: Contract) -> LinearPolicy:
    """A network with an answer known in closed form."""
    return LinearPolicy(contract)


@pytest.fixture
def checkpoint(policy: LinearPolicy, tmp_path: Path) -> Checkpoint:
    """A checkpoint folder of `policy`."""
    return policy.write(tmp_path / "checkpoint")


@pytest.fixture(scope="module")
def task() -> Iterator[Task]:
    """The Franka cell's pick and place, where a file has no task of its own."""
    with closing(make_task("franka/pick-place")) as made:
        yield made
