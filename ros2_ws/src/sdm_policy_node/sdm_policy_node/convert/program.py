"""sdm-convert: a bag of rosbag2 into a dataset, through the recorder's own code; replay buffers of Diffusion Policy and
DP3 into datasets; and datasets into LeRobot's layout."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sdm_core.checkpoint import contract_at
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.datasets.foreign_dataset import adopt, is_zarr
from sdm_core.datasets.lerobot_layout import export_to_lerobot
from sdm_core.errors import DatasetError, SdmError
from sdm_core.perception.static_transforms import read_transforms

from sdm_policy_node.convert.bag import Bag
from sdm_policy_node.convert.conversion import Report, convert, recorder_events
from sdm_policy_node.convert.plan import WHOLE_BAG, planned
from sdm_policy_node.parameters import RecorderParameters
from sdm_policy_node.recording.episode_events import RecorderSetup

# Options that say otherwise than the bag how it was recorded, by the recorder's parameters; and all that are for bags.
_SETTINGS = ("actions", "sink", "observation_source", "record_depth", "pairing", "camera_frame")
_OF_BAGS = (*_SETTINGS, "extrinsics", "remap")
# Those of them that decide which rows there are.
_OF_ROWS = ("actions", "sink", "observation_source", "pairing")


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="sdm-convert",
        description="Makes a dataset (.zarr) of a bag, MCAP or sqlite3, with the code that records live. The "
        "recorder's messages in the bag say which episodes there are, and how it was set up; options override that, "
        "and are needed for a bag without them, which becomes one episode. Of a replay buffer (.zarr) of Diffusion "
        "Policy or DP3 it makes a dataset with --contract, which says what its arrays are.",
    )
    made.add_argument(
        "bag",
        type=Path,
        help="the bag's folder, or one of its files; or a replay buffer (.zarr, unpacked); with --lerobot a dataset",
    )
    made.add_argument("-o", "--output", type=Path, required=True, help="the dataset to make")
    made.add_argument("--lerobot", action="store_true", help="write the dataset in the layout of LeRobot's version 3")
    made.add_argument("--contract", type=Path, help="another contract: contract.yaml, or a checkpoint")
    made.add_argument("--actions", choices=["commands", "measured"], help="whence actions come; see recorder_node")
    made.add_argument("--sink", choices=["native", "pose"], help="what commands were published as")
    made.add_argument(
        "--source", dest="observation_source", choices=["depth", "points"], help="what clouds are made from"
    )
    made.add_argument(
        "--depth", dest="record_depth", action="store_true", default=None, help="store the depth images, too"
    )
    made.add_argument(
        "--in-order",
        dest="pairing",
        action="store_const",
        const="order",
        help="nothing was lost: the n-th command answers the n-th image",
    )
    made.add_argument("--camera-frame", help="optical frame of the one depth camera, where its messages name another")
    made.add_argument(
        "--extrinsics",
        help="file of camera poses, where neither the bag's /tf nor its recorder tells them, or others are meant",
    )
    made.add_argument(
        "-r",
        "--remap",
        action="append",
        default=[],
        metavar="NAME:=TOPIC",
        help="the bag's topic behind a name, as in joint_states:=/franka/joint_states",
    )
    return made


def run(options: argparse.Namespace) -> Report:
    """Converts as asked for. Raises SdmError with one line where nothing can be made of it."""
    bag = Bag(options.bag)
    events = recorder_events(bag)
    starts = [event for _, event in events if event.event == event.START]
    setup = RecorderSetup.of(starts[0]) if starts else None
    contract = contract_at(options.contract) if options.contract else setup and setup.contract
    if contract is None:
        reasons = [
            *bag.damage,
            f"{bag.path}: no recorder speaks in it, so that its contract is unknown; give --contract",
        ]
        raise DatasetError("; ".join(reasons))
    given = {name: value for name in _SETTINGS if (value := getattr(options, name)) is not None}
    # A pose that is not there by now never comes.
    settings = replace(setup.settings if setup else RecorderParameters(), **given, tf_timeout_s=0.0)
    topics = {**(setup.topics if setup else {}), **dict(_remapping(rule) for rule in options.remap)}
    plan = planned(events) if starts else WHOLE_BAG
    transforms = read_transforms(options.extrinsics) if options.extrinsics else setup.transforms if setup else ()
    wanted = RecorderSetup(contract, settings, topics, transforms)
    if setup and _decides_rows(setup) != _decides_rows(wanted):
        # Under a higher rate there are rows between the recorder's last one and where its next would have been.
        plan = plan.uncounted(max(setup.contract.dt_ns - contract.dt_ns // 2, 0))
    return convert(bag, options.output, wanted, plan)


def _decides_rows(setup: RecorderSetup) -> tuple[object, ...]:
    """What differs where the rows made of one bag may differ in number: the control rate, whose images become rows, and
    how these find their actions."""
    observation = setup.contract.observation
    cloud = observation.cloud
    cameras = [camera.name for camera in observation.depth_cameras]
    if cloud is None:
        cameras = [image.camera for image in observation.images]
    settings = [getattr(setup.settings, name) for name in _OF_ROWS]
    # A coloured cloud is made of other depth images: those that are aligned to colour.
    return setup.contract.rates, cameras[:1], cloud and cloud.coloured, settings, dict(setup.topics)


def _adopted(options: argparse.Namespace) -> EpisodeStore:
    given = [name for name in _OF_BAGS if getattr(options, name)]
    if given:
        raise DatasetError(f"{options.bag}: is a zarr group, and the option of {given[0]} is for bags; leave it out")
    if options.contract is None:
        raise DatasetError(
            f"{options.bag}: is a zarr group: --lerobot exports a dataset, --contract says what a replay buffer holds"
        )
    return adopt(options.bag, options.output, contract_at(options.contract))


def _remapping(rule: str) -> tuple[str, str]:
    name, separator, topic = rule.partition(":=")
    if not (name and separator and topic):
        raise DatasetError(f"--remap {rule}: NAME:=TOPIC expected")
    return name, topic


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Exit status 0: all that the operator kept was converted; 2: a part of it; 1: nothing."""
    options = parser().parse_args(arguments)
    try:
        if options.lerobot:
            store = EpisodeStore.view(options.bag)
            export_to_lerobot(store, options.output)
            print(f"{options.output} holds {len(store)} episodes")
            return
        if is_zarr(options.bag):
            print(f"{options.output} holds {len(_adopted(options))} episodes")
            return
        report = run(options)
    except SdmError as error:
        sys.exit(f"error: {error}")
    for line in report.kept:
        print(line)
    for line in report.problems:
        print(f"warning: {line}", file=sys.stderr)
    print(f"{options.output} holds {len(report.kept)} episodes")
    if report.problems:
        sys.exit(2)
