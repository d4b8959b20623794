"""`ros2-embedded`: the few commands of ROS 2's `ros2` that this stack needs where ROS 2 is not installed."""
