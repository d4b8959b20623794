"""What contexts do beyond Jazzy's: `rclpy.init` as a context manager, which later distributions have."""

from __future__ import annotations

import pytest
import rclpy
from helpers.domain import own_domain
from rclpy.context import Context


def test_init_ends_with_its_block() -> None:
    context = Context()
    with rclpy.init(args=[], context=context, domain_id=own_domain()):
        assert rclpy.create_node("node", context=context).get_name() == "node"
    assert not context.ok()


def test_init_ends_with_its_block_whatever_happens() -> None:
    context = Context()
    with pytest.raises(ValueError, match="within"), rclpy.init(args=[], context=context, domain_id=own_domain()):
        raise ValueError("within")
    assert not context.ok()


def test_a_block_may_shut_down_by_itself() -> None:
    context = Context()
    with rclpy.init(args=[], context=context, domain_id=own_domain()):
        rclpy.shutdown(context=context)
    assert not context.ok()
