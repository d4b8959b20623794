"""What is seen, as messages for RViz and Foxglove beside the page."""

from __future__ import annotations

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sdm_core.contract import Contract
from sensor_msgs.msg import Image, PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from sdm_cockpit.export.visual_messages import CLOUD, MARKERS, TOOL, TRANSFORMS, VisualMessages, topic_part
from sdm_cockpit.snapshot import Plan, Snapshot

_LATEST = QoSProfile(depth=1)


class VisualPublisher:
    """Makes messages only while somebody listens to them. What the nodes say themselves on `/diagnostics` is not
    said again."""

    def __init__(self, node: Node, contract: Contract) -> None:
        self._node = node
        self._messages = VisualMessages(contract.action.base_frame, contract.action.tool_frame)
        self._episode: tuple[str, int] | None = None
        kinds = {
            CLOUD: PointCloud2,
            MARKERS: MarkerArray,
            TOOL: PoseStamped,
            f"cockpit/plan/{topic_part(Plan.label)}": Path,
            **{f"cockpit/image/{topic_part(image.camera)}": Image for image in contract.observation.images},
        }
        self._listened: dict[str, Publisher] = {
            topic: node.create_publisher(kind, topic, _LATEST) for topic, kind in kinds.items()
        }
        # Everybody listens to it: that alone is no reason to make any message.
        self._transforms = node.create_publisher(TFMessage, TRANSFORMS, _LATEST)

    def show(self, snapshot: Snapshot) -> None:
        """Publishes what somebody listens to."""
        episode = (snapshot.episode.task, snapshot.episode.number) if snapshot.episode else None
        if episode != self._episode:
            self._episode = episode
            self._messages.begin_episode()
        if not any(publisher.get_subscription_count() for publisher in self._listened.values()):
            return
        publishers = {**self._listened, TRANSFORMS: self._transforms}
        for topic, message in self._messages.of(snapshot, self._node.get_clock().now().nanoseconds):
            publisher = publishers.get(topic)
            if publisher and publisher.get_subscription_count():
                publisher.publish(message)
