"""ROS 2 interface definitions, the message classes made from them, and their CDR form."""
