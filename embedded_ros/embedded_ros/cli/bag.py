"""`ros2-embedded bag record|play|info`."""

from __future__ import annotations

import argparse
import datetime
import math
import time
from pathlib import Path

import rclpy
from rclpy.executors import ExternalShutdownException

from embedded_ros.bags.errors import BagError
from embedded_ros.bags.player import Pace, Player
from embedded_ros.bags.reading import open_bag
from embedded_ros.bags.recorder import Recorder
from embedded_ros.bags.summary import summary, topic_names
from embedded_ros.bags.topic_filter import TopicFilter
from embedded_ros.cli.argument_types import not_negative, positive, positive_integer, regex
from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import DISCOVERY_SECONDS, absolute, command_node

_CLOCK_RATE = 40.0
# Reliable messages that are on their way when the last one is out.
_DRAIN_SECONDS = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    _configure_record(verbs.add_parser("record", help="record topics until interrupted"))
    play = verbs.add_parser("play", help="publish a bag's messages again")
    _configure_play(play)
    info = verbs.add_parser("info", help="what is in a bag")
    info.add_argument("-t", "--topic-name", action="store_true", help="only the names of its topics")
    info.set_defaults(run=_info)
    for verb in (play, info):
        verb.add_argument("bag_path", type=Path, help="the bag's folder, or one of its files")
        verb.add_argument("-s", "--storage", choices=["mcap", "sqlite3"], help="its format, which is seen anyhow")


def _configure_record(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topics_positional", nargs="*", metavar="topic", help="topics to record")
    parser.add_argument("--topics", nargs="+", default=[], metavar="TOPIC", help="topics to record")
    parser.add_argument("-a", "--all", "--all-topics", action="store_true", help="all topics but hidden ones")
    parser.add_argument("-e", "--regex", type=regex, default="", help="topics whose names contain this expression")
    parser.add_argument("--exclude-regex", type=regex, default="", metavar="REGEX", help="leave these out")
    parser.add_argument("--exclude-topics", nargs="+", default=[], metavar="TOPIC", help="leave these out")
    parser.add_argument("-o", "--output", type=Path, help="the bag's new folder [rosbag2_ and the time]")
    parser.add_argument("-s", "--storage", choices=["mcap"], default="mcap", help="the file's format")
    parser.add_argument("--include-hidden-topics", action="store_true", help="hidden topics, too")
    parser.add_argument("--no-discovery", action="store_true", help="only topics that are there at the start")
    parser.add_argument(
        "-p",
        "--polling-interval",
        type=positive_integer,
        default=100,
        metavar="MS",
        help="how often to look [100]",
    )
    parser.add_argument("--use-sim-time", action="store_true", help="stamp messages with the time from /clock")
    parser.add_argument("--node-name", default="rosbag2_recorder", metavar="NAME")
    parser.set_defaults(run=_record, spin_time=DISCOVERY_SECONDS)


def _configure_play(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-r", "--rate", type=positive, default=1.0, help="times the recorded speed [1]")
    parser.add_argument("--topics", nargs="+", default=[], metavar="TOPIC", help="only these")
    parser.add_argument("-e", "--regex", type=regex, default="", help="only topics whose names contain this expression")
    parser.add_argument("-x", "--exclude-regex", type=regex, default="", metavar="REGEX", help="leave these out")
    parser.add_argument("--exclude-topics", nargs="+", default=[], metavar="TOPIC", help="leave these out")
    parser.add_argument("-l", "--loop", action="store_true", help="begin again at the end")
    parser.add_argument("-m", "--remap", nargs="+", default=[], metavar="OLD:=NEW", help="other names for topics")
    parser.add_argument(
        "--clock",
        type=positive,
        nargs="?",
        const=_CLOCK_RATE,
        default=0.0,
        metavar="HZ",
        help=f"publish the bag's time on /clock so often [{_CLOCK_RATE:g}]",
    )
    parser.add_argument("-d", "--delay", type=not_negative, default=0.0, metavar="S", help="seconds before each round")
    parser.add_argument("--start-offset", type=not_negative, default=0.0, metavar="S", help="begin so far into the bag")
    parser.add_argument("--playback-duration", type=float, default=-1.0, metavar="S", help="how much of it [all]")
    parser.set_defaults(run=_play, spin_time=DISCOVERY_SECONDS, use_sim_time=False)


def _record(options: argparse.Namespace) -> None:
    names = [absolute(name) for name in [*options.topics_positional, *options.topics]]
    if not (names or options.all or options.regex):
        raise CommandError("[ERROR] [ros2bag]: Need to specify at least one option out of --all, --topics or --regex")
    path = options.output or Path(datetime.datetime.now().strftime("rosbag2_%Y_%m_%d-%H_%M_%S"))
    if path.exists():
        raise CommandError(f"[ERROR] [ros2bag]: Output folder '{path}' already exists.")
    topics = TopicFilter(
        options.all, tuple(names), options.regex, tuple(map(absolute, options.exclude_topics)), options.exclude_regex
    )
    by_name = not (options.all or options.regex)
    try:
        with (
            command_node(options, options.node_name) as node,
            Recorder(
                node,
                path,
                topics,
                include_hidden=options.include_hidden_topics,
                use_sim_time=options.use_sim_time,
            ) as recorder,
        ):
            logger = node.get_logger()

            def discover() -> None:
                if recorder.discover() and by_name:
                    logger.info("All requested topics are subscribed. Stopping discovery...")
                    polling.cancel()

            polling = node.create_timer(options.polling_interval / 1000.0, discover)
            logger.info(f"Recording to '{path}' until interrupted")
            if options.no_discovery:
                time.sleep(options.spin_time)
                recorder.discover()
                polling.cancel()
            try:
                rclpy.spin(node)
            except (KeyboardInterrupt, ExternalShutdownException):
                pass
            finally:
                logger.info(f"Recording stopped: {recorder.message_count} messages")
    except BagError as error:
        raise CommandError(str(error)) from error


def _play(options: argparse.Namespace) -> None:
    topics = TopicFilter(
        not (options.topics or options.regex),
        tuple(map(absolute, options.topics)),
        options.regex,
        tuple(map(absolute, options.exclude_topics)),
        options.exclude_regex,
    )
    pace = Pace(
        rate=options.rate,
        start_offset=options.start_offset,
        duration=options.playback_duration if options.playback_duration >= 0.0 else math.inf,
        delay=options.delay,
        clock_rate=options.clock,
    )
    rules = [word for rule in options.remap for word in ("--remap", rule)]
    try:
        with (
            open_bag(options.bag_path) as reader,
            command_node(options, "rosbag2_player", cli_args=["--ros-args", *rules]) as node,
        ):
            player = Player(node, reader, topics, pace)
            # Subscriptions that wait for these topics find them before the first message goes out.
            time.sleep(options.spin_time)
            node.get_logger().info(f"Playing '{options.bag_path}' at rate {options.rate:g}")
            try:
                count = player.play()
                while options.loop and rclpy.ok():
                    count += player.play()
                time.sleep(_DRAIN_SECONDS)
                node.get_logger().info(f"Played {count} messages")
            except KeyboardInterrupt:
                pass
    except BagError as error:
        raise CommandError(str(error)) from error


def _info(options: argparse.Namespace) -> None:
    try:
        with open_bag(options.bag_path) as reader:
            if options.topic_name:
                print("\n".join(topic_names(reader)))
            else:
                print(summary(options.bag_path, reader))
    except BagError as error:
        raise CommandError(str(error)) from error
