"""Puts a simulated task on the ROS graph, under the topic names, encodings and frames of a RealSense and an arm."""
