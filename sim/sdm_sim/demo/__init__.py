"""`sdm-demo`: the shipped policies on the ROS graph, measured from the outside as a user would run them."""
