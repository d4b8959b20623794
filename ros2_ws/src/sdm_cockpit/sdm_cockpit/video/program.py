"""sdm-video: recorded episodes as an mp4 or a GIF, with what the policy saw and planned."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from sdm_cockpit.export.file_command import write_file
from sdm_cockpit.replay.arguments import add_arguments, chosen
from sdm_cockpit.video.episode_frames import WIDTH, EpisodeFrames
from sdm_cockpit.video.video_file import video_file

FPS = 20
_GIF_WIDTH = 640
_END_FRAMES = FPS  # for a second an episode's end stays in sight


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="sdm-video",
        description="Films recorded episodes: the cloud as the network gets it, the tool's trail, the way that was "
        "taken and the chunks of policies, the camera's images, commands and timing. No graphics are needed.",
    )
    add_arguments(made)
    made.add_argument("-o", "--output", type=Path, required=True, help="the file to write, .mp4 or .gif")
    made.add_argument("--speed", type=_positive, default=1.0, help="of the film's time; 0.25 is four times slower")
    made.add_argument("--azimuth", type=float, help="whence to look, in degrees from x on; by itself the fullest view")
    made.add_argument("--width", type=int, help=f"of the video, in pixels: {WIDTH}, or {_GIF_WIDTH} of a GIF")
    return made


def run(options: argparse.Namespace) -> list[str]:
    """Writes the video; a line about it. Raises SdmError with one line where there is none to be made."""
    azimuth = None if options.azimuth is None else math.radians(options.azimuth)
    width = options.width or (_GIF_WIDTH if options.output.suffix == ".gif" else WIDTH)
    with video_file(options.output, FPS, width) as video:
        for recording, plans in chosen(options):
            frames = EpisodeFrames(recording, plans, azimuth)
            steps = _steps(recording.times_s.tolist(), options.speed)
            for step in steps:
                video.add(frames.draw(step))
            video.add(frames.draw(steps[-1]), times=_END_FRAMES)
    return [f"{video.frames} frames at {FPS} Hz"]


def _steps(times_s: list[float], speed: float) -> list[int]:
    """The step that is the newest at each frame's time, the last one included."""
    frames = math.ceil(times_s[-1] * FPS / speed) + 1
    steps, step = [], 0
    for frame in range(frames):
        while step + 1 < len(times_s) and times_s[step + 1] <= frame * speed / FPS + 1e-9:
            step += 1
        steps.append(step)
    return steps


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. A user's error ends it with one line and status 1."""
    write_file(parser().parse_args(arguments), run)
