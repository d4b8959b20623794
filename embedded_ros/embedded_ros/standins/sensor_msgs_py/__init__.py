"""The part of ROS 2's `sensor_msgs_py` in use: `point_cloud2`."""
