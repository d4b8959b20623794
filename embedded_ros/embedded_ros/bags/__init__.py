"""Bags of rosbag2, recorded and played by rclpy nodes; files are read and written by the `rosbags` library."""
