"""A RealSense through librealsense, where its ROS driver is not installed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import SdmError
from sdm_core.perception.point_cloud import Intrinsics

_M_TO_MM = 1000.0
# Filters that leave depth its size: the cloud pipeline never takes a resized one.
FILTERS = {
    "spatial": "spatial_filter",
    "temporal": "temporal_filter",
    "hole_filling": "hole_filling_filter",
}


@dataclass(frozen=True)
class CameraProfile:
    """What a camera is asked for: pixels and rate (Hz) of its streams, colour beside depth, depth aligned to it, and
    the names of FILTERS that depth passes through in turn, before it is aligned."""

    width: int = 640
    height: int = 480
    fps: int = 30
    colour: bool = True
    align_depth: bool = False
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels of one stream, depth uint16[H,W] in mm or colour rgb8 [H,W,3], and the camera that they were taken with.

    `stamp_ns` is of this machine's clock where `host_clock`, else of the device's own.
    """

    pixels: NDArray
    intrinsics: Intrinsics
    stamp_ns: int
    host_clock: bool


@dataclass(frozen=True, eq=False)
class Capture:
    """What the camera took at one instant; None what did not come, or was not asked for."""

    depth: Picture | None
    colour: Picture | None
    aligned_depth: Picture | None


def librealsense() -> Any:
    """The module pyrealsense2. Raises SdmError where it is not installed."""
    try:
        import pyrealsense2
    except ImportError as error:
        raise SdmError(
            f"librealsense cannot be loaded ({error}); "
            "run `pip install 'sdm_policy_node[realsense]'` and `sudo apt install libusb-1.0-0`"
        ) from None
    return pyrealsense2


def find_device(serial: str) -> Any | None:
    """The RealSense of this serial number, or the first one where it is empty; None where it is not plugged in."""
    for device in librealsense().context().query_devices():
        if serial in ("", device.get_info(librealsense().camera_info.serial_number)):
            return device
    return None


class RealSenseCamera:
    """One device from its opening on, until it is closed or unplugged."""

    def __init__(self, device: Any, profile: CameraProfile) -> None:
        """Raises SdmError where the device has no such streams."""
        self._rs = rs = librealsense()
        self._profile = profile
        unknown = [name for name in profile.filters if name not in FILTERS]
        if unknown:
            raise SdmError(f"filters {', '.join(unknown)} are unknown; {', '.join(FILTERS)} are there")
        self._filters: list[Callable[[Any], Any]] = [getattr(rs, FILTERS[name])().process for name in profile.filters]
        self._align = rs.align(rs.stream.color) if profile.align_depth else None
        wanted = [(rs.stream.depth, rs.format.z16)]
        if profile.colour or profile.align_depth:
            wanted.append((rs.stream.color, rs.format.rgb8))
        self._sensors = []
        self._syncer = rs.syncer()
        profiles = {}
        for stream, pixel_format in wanted:
            sensor, found = self._find(device, stream, pixel_format)
            profiles.setdefault(sensor.get_info(rs.camera_info.name), (sensor, []))[1].append(found)
            if stream == rs.stream.depth:
                self._depth = found
            else:
                self._colour = found
        try:
            for sensor, chosen in profiles.values():
                sensor.open(chosen)
                self._sensors.append(sensor)
                sensor.start(self._syncer)
        except RuntimeError as error:
            self.close()
            raise SdmError(f"the camera does not start: {error}; plug it in anew") from None

    def capture(self, timeout_s: float) -> Capture | None:
        """The next instant's pictures; None where nothing came in time, as from a camera that was unplugged."""
        try:
            frames = self._syncer.wait_for_frames(int(timeout_s * 1000))
        except RuntimeError:
            return None
        # Before alignment: a filter that remembers must see pixels of one lens only.
        for apply in self._filters:
            frames = apply(frames).as_frameset()
        depth, colour = frames.get_depth_frame(), frames.get_color_frame()
        aligned = self._align.process(frames).get_depth_frame() if self._align and depth and colour else None
        return Capture(
            self._depth_picture(depth) if depth else None,
            self._picture(colour, np.array(colour.get_data())) if colour and self._profile.colour else None,
            self._depth_picture(aligned) if aligned else None,
        )

    @property
    def colour_in_depth(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Rotation [3,3] and translation [3] (m) of the colour's optical frame in the depth's; None without colour."""
        if not (self._profile.colour or self._profile.align_depth):
            return None
        extrinsics = self._colour.get_extrinsics_to(self._depth)
        # librealsense writes matrices column by column.
        return np.array(extrinsics.rotation).reshape(3, 3).T, np.array(extrinsics.translation)

    def close(self) -> None:
        """Stops the streams; of a device that is gone, too."""
        for sensor in self._sensors:
            for end in (sensor.stop, sensor.close):
                with suppress(RuntimeError):
                    end()
        self._sensors = []

    def _find(self, device: Any, stream: Any, pixel_format: Any) -> tuple[Any, Any]:
        wanted, others = self._profile, set()
        for sensor in device.query_sensors():
            for found in sensor.get_stream_profiles():
                if (found.stream_type(), found.format()) != (stream, pixel_format):
                    continue
                video = found.as_video_stream_profile()
                size = (video.width(), video.height(), found.fps())
                if size == (wanted.width, wanted.height, wanted.fps):
                    return sensor, found
                others.add("{}×{} at {} Hz".format(*size))
        raise SdmError(
            f"the camera has no {stream.name} of {wanted.width}×{wanted.height} at {wanted.fps} Hz; "
            f"it has {', '.join(sorted(others)) or 'none'}"
        )

    def _depth_picture(self, frame: Any) -> Picture:
        depth, millimetres = np.array(frame.get_data()), frame.get_units() * _M_TO_MM
        if abs(millimetres - 1) > 1e-6:
            scaled = np.rint(depth * millimetres)
            depth = np.where(scaled <= np.iinfo(np.uint16).max, scaled, 0).astype(np.uint16)
        return self._picture(frame, depth)

    def _picture(self, frame: Any, pixels: NDArray) -> Picture:
        k = frame.profile.as_video_stream_profile().get_intrinsics()
        host_clock = frame.get_frame_timestamp_domain() != self._rs.timestamp_domain.hardware_clock
        return Picture(
            pixels,
            Intrinsics(k.fx, k.fy, k.ppx, k.ppy, k.width, k.height, tuple(k.coeffs)),
            round(frame.get_timestamp() * 1e6),
            host_clock,
        )
