"""Subscriptions whose messages are grouped by their stamps. The part of ROS 2's `message_filters` in use."""

from message_filters.filters import SimpleFilter, Subscriber
from message_filters.synchronizers import ApproximateTimeSynchronizer, TimeSynchronizer

__all__ = ["ApproximateTimeSynchronizer", "SimpleFilter", "Subscriber", "TimeSynchronizer"]
