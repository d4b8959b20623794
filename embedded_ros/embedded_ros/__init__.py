"""Runs rclpy nodes and ROS 2 launch files where no ROS 2 is installed. Nodes import `rclpy`, never this package."""
