"""Messages grouped by their stamps, as `message_filters` documents it."""

from __future__ import annotations

import itertools

import pytest
from message_filters import ApproximateTimeSynchronizer, SimpleFilter, TimeSynchronizer
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64


def stamped(milliseconds: int) -> JointState:
    message = JointState()
    message.header.stamp.sec, rest = divmod(milliseconds, 1000)
    message.header.stamp.nanosec = rest * 1_000_000
    return message


def milliseconds(message: JointState) -> int:
    return message.header.stamp.sec * 1000 + message.header.stamp.nanosec // 1_000_000


class Feed:
    """Two or more filters, a synchroniser over them and the sets that it gave."""

    def __init__(self, make, filters: int = 2) -> None:
        self.filters = [SimpleFilter() for _ in range(filters)]
        self.sets: list[tuple[int, ...]] = []
        self.synchroniser = make(self.filters)
        self.synchroniser.registerCallback(lambda *messages: self.sets.append(tuple(map(milliseconds, messages))))

    def __call__(self, index: int, *times: int) -> None:
        for time in times:
            self.filters[index].signalMessage(stamped(time))


def test_equal_stamps_meet_whatever_the_order_of_arrival():
    for order in itertools.permutations(range(3)):
        feed = Feed(lambda filters: TimeSynchronizer(filters, 5), filters=3)
        for index in order:
            feed(index, 1500)
        assert feed.sets == [(1500, 1500, 1500)]


def test_unequal_stamps_never_meet_exactly():
    feed = Feed(lambda filters: TimeSynchronizer(filters, 5))
    feed(0, 100, 200)
    feed(1, 101, 201)
    assert feed.sets == []
    feed(1, 200)
    assert feed.sets == [(200, 200)]


def test_queue_forgets_its_oldest():
    feed = Feed(lambda filters: TimeSynchronizer(filters, 2))
    feed(0, 100, 200, 300)
    feed(1, 100, 200)
    assert feed.sets == [(200, 200)]


def test_stamps_within_the_slop_meet_once():
    feed = Feed(lambda filters: ApproximateTimeSynchronizer(filters, 10, slop=0.020))
    feed(0, 100)
    feed(1, 130)
    assert feed.sets == []
    feed(1, 110)
    assert feed.sets == [(100, 110)]
    feed(1, 105)
    assert feed.sets == [(100, 110)]


def test_nearest_stamp_is_taken():
    feed = Feed(lambda filters: ApproximateTimeSynchronizer(filters, 10, slop=0.020))
    feed(1, 85, 98, 110)
    feed(0, 100)
    assert feed.sets == [(100, 98)]


def test_spread_over_all_messages_stays_within_the_slop():
    feed = Feed(lambda filters: ApproximateTimeSynchronizer(filters, 10, slop=0.020), filters=3)
    feed(0, 100)
    feed(1, 115)
    feed(2, 85)  # within the slop of the first, not of the second
    assert feed.sets == []
    feed(2, 101)
    assert feed.sets == [(100, 115, 101)]


def test_different_rates_give_one_set_for_each_slow_message():
    feed = Feed(lambda filters: ApproximateTimeSynchronizer(filters, 10, slop=0.004))
    for time in range(0, 200):
        if time % 5 == 0:
            feed(0, time)
        if time % 33 == 0:
            feed(1, time)
    assert len(feed.sets) == 7
    assert all(abs(fast - slow) < 4 for fast, slow in feed.sets)


def test_message_without_header_is_left_out_unless_allowed():
    feed = Feed(lambda filters: ApproximateTimeSynchronizer(filters, 10, slop=0.1))
    feed.filters[0].signalMessage(Float64(data=1.0))
    feed(1, 100)
    assert feed.sets == []

    filters, met = [SimpleFilter(), SimpleFilter()], []
    synchroniser = ApproximateTimeSynchronizer(filters, 10, slop=10.0, allow_headerless=True)
    synchroniser.registerCallback(lambda *messages: met.append(messages))
    for source in filters:
        source.signalMessage(Float64(data=1.0))
    assert len(met) == 1


def test_callback_gets_its_own_arguments_after_the_messages():
    source, got = SimpleFilter(), []
    source.registerCallback(lambda message, *extra: got.append((message, extra)), "left", 2)
    source.signalMessage("hello")
    assert got == [("hello", ("left", 2))]


def test_subscribers_on_the_wire_are_synchronised(graph):
    from message_filters import Subscriber

    node = graph.node("listener")
    sources = [Subscriber(node, JointState, topic) for topic in ("left", "right")]
    synchroniser, sets = ApproximateTimeSynchronizer(sources, 10, slop=0.05), []
    synchroniser.registerCallback(lambda left, right: sets.append((milliseconds(left), milliseconds(right))))
    talker = graph.node("talker")
    publishers = [talker.create_publisher(JointState, topic, 10) for topic in ("left", "right")]
    graph.spin_until(lambda: all(publisher.get_subscription_count() == 1 for publisher in publishers))
    publishers[0].publish(stamped(1000))
    publishers[1].publish(stamped(1040))
    graph.spin_until(lambda: sets)
    assert sets == [(1000, 1040)]
    assert pytest.approx(synchroniser.queue_size) == 10
