"""The `--qos-…` options of `topic echo` and `topic pub`."""

from __future__ import annotations

import argparse

from rclpy.duration import Duration
from rclpy.qos import (
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSLivelinessPolicy,
    QoSPresetProfiles,
    QoSProfile,
    QoSReliabilityPolicy,
)

from embedded_ros.cli.argument_types import not_negative, positive_integer

_PROFILES = ("unknown", "default", "system_default", "sensor_data", "services_default", "parameters",
             "parameter_events", "action_status_default")  # fmt: skip
_POLICIES = {
    "history": (QoSHistoryPolicy, ("system_default", "keep_last", "keep_all", "unknown")),
    "reliability": (QoSReliabilityPolicy, ("system_default", "reliable", "best_effort", "unknown")),
    "durability": (QoSDurabilityPolicy, ("system_default", "transient_local", "volatile", "unknown")),
    "liveliness": (QoSLivelinessPolicy, ("system_default", "automatic", "manual_by_topic", "unknown")),
}


def add_qos_arguments(parser: argparse.ArgumentParser, default_profile: str) -> None:
    parser.add_argument(
        "--qos-profile",
        choices=_PROFILES,
        default=default_profile,
        help=f"what the others override [{default_profile}]",
    )
    parser.add_argument("--qos-depth", type=positive_integer, metavar="N", help="messages to keep in the queue")
    for policy, (_, keys) in _POLICIES.items():
        parser.add_argument(f"--qos-{policy}", choices=keys)
    parser.add_argument("--qos-liveliness-lease-duration-seconds", type=not_negative, metavar="SECONDS")


def is_given(options: argparse.Namespace) -> bool:
    """Whether any setting beside the profile was chosen."""
    settings = ("depth", "liveliness_lease_duration_seconds", *_POLICIES)
    return any(getattr(options, f"qos_{setting}") is not None for setting in settings)


def profile_of(options: argparse.Namespace) -> QoSProfile:
    """The profile that the options describe."""
    preset = QoSPresetProfiles.get_from_short_key(options.qos_profile)
    profile = QoSProfile(**{name: getattr(preset, name) for name in QoSProfile.__slots__})
    for policy, (values, _) in _POLICIES.items():
        if (key := getattr(options, f"qos_{policy}")) is not None:
            setattr(profile, policy, values[key.upper()])
    if options.qos_liveliness_lease_duration_seconds is not None:
        profile.liveliness_lease_duration = Duration(seconds=options.qos_liveliness_lease_duration_seconds)
    if options.qos_depth is not None:
        profile.depth = options.qos_depth
    elif profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL and profile.depth == 0:
        profile.depth = 1
    return profile
