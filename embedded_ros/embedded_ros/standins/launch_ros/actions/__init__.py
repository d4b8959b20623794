from launch_ros.actions.lifecycle_node import LifecycleNode
from launch_ros.actions.node import Node
from launch_ros.actions.push_ros_namespace import PushRosNamespace

__all__ = ["LifecycleNode", "Node", "PushRosNamespace"]
