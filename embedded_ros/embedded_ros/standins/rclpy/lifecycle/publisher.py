"""Publishers that are silent while their node is not active."""

from __future__ import annotations

from typing import Any

from ..publisher import Publisher
from .managed_entity import SimpleManagedEntity


class LifecyclePublisher(SimpleManagedEntity, Publisher):
    """Made by `LifecycleNode.create_lifecycle_publisher`; messages published while inactive are dropped."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        SimpleManagedEntity.__init__(self)
        Publisher.__init__(self, *args, **kwargs)

    def publish(self, msg: Any) -> None:
        if self.is_activated:
            Publisher.publish(self, msg)
