"""`realsense_node`: a depth camera without its ROS driver."""
