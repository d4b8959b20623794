"""What every part of the stack shares: contracts, perception, the policy runtime and the command side. No ROS, no
torch."""
