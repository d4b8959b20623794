"""The cockpit's web page: draws snapshots, and passes on what people ask for."""

from __future__ import annotations

import contextlib
import math
import secrets
import socket
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import rich
import viser
from viser import _messages

from sdm_cockpit.operator import Answer, Operator
from sdm_cockpit.page.answer_log import AnswerLog
from sdm_cockpit.page.body_shapes import BodyShapes
from sdm_cockpit.page.box_editor import BoxEditor
from sdm_cockpit.page.camera_images import CameraImages
from sdm_cockpit.page.controls import Controls, PauseButton
from sdm_cockpit.page.doorkeeper import Doorkeeper, is_this_machine
from sdm_cockpit.page.legend import Legend
from sdm_cockpit.page.palette import BLUE, CROP, WORKSPACE
from sdm_cockpit.page.plan_ribbons import PlanRibbons
from sdm_cockpit.page.point_cloud import PointCloud
from sdm_cockpit.page.status_panel import StatusPanel
from sdm_cockpit.page.strip_charts import StripCharts
from sdm_cockpit.page.tool_trail import ToolTrail
from sdm_cockpit.snapshot import Box, Snapshot

_CONTROLS_PX, _CHARTS_PX = 380, 360
# From the front and one side, a little above: how one looks at an arm on a table.
_VIEW = np.array([1.0, -1.25, 0.85])
_NEAREST_M = 0.4
_LAMP = (1.0, -1.0, 2.0)
_FIELD_OF_VIEW = math.radians(45.0)


@dataclass(frozen=True)
class PageOptions:
    """Where the page is: `port` 0 takes any free one; `token` is asked of every visitor, empty of nobody."""

    host: str = "127.0.0.1"
    port: int = 8080
    token: str = ""
    title: str = "Cockpit"


class Page:
    """A web page that any number of people look at; one thread calls `show`, at most 20 times a second.

    `gui`, `side` (a container of the gui) and `scene` are for those who add something of their own.
    """

    def __init__(self, options: PageOptions, operator: Operator) -> None:
        """Raises OSError where the address cannot be had, ValueError where a network could come in without a token."""
        if not options.token and not is_this_machine(options.host):
            raise ValueError(f"host {options.host} opens the page to a network: give it a token")
        self._operator = operator
        with _quiet():
            self._server = viser.ViserServer(_hidden_loopback(), 0, label=options.title, verbose=False)
        # Nothing leaves this machine but through the doorkeeper.
        self._server._websock_server.unregister_handler(_messages.ShareUrlRequest)
        try:
            backend = self._server.get_host(), self._server.get_port()
            self._doorkeeper = Doorkeeper(options.host, options.port, backend, options.token)
        except OSError:
            self._stop()
            raise
        self.url = f"http://{_reachable(options.host)}:{self._doorkeeper.port}"
        self._looked_at = False
        self._build()

    @property
    def gui(self) -> viser.GuiApi:
        """The controls' panel."""
        return self._server.gui

    @property
    def scene(self) -> viser.SceneApi:
        """What is drawn in space."""
        return self._server.scene

    def show(self, snapshot: Snapshot) -> None:
        """Draws what has changed; whatever is wrong with a snapshot becomes a line on the page."""
        now_s = time.monotonic()
        abilities = self._operator.abilities
        with self._server.atomic():
            problems = (
                *snapshot.status.problems,
                *_drawn("scene", lambda: self._bodies.show(snapshot.scene, snapshot.frames)),
                *_drawn("cloud", lambda: self._cloud.show(snapshot.cloud)),
                *_drawn("plan", lambda: self._ribbons.show(snapshot.plans)),
                *_drawn("cameras", lambda: self._cameras.show(snapshot.images, now_s)),
                *_drawn("tool", lambda: self._trail.show(snapshot)),
                *_drawn("crop", lambda: self._crop.show(snapshot.crop, abilities.sees)),
                *_drawn("workspace", lambda: self._workspace.show(snapshot.workspace, abilities.moves)),
                *_drawn("legend", lambda: self._legend.show(snapshot.plans, snapshot.coloured)),
                *_drawn("charts", lambda: self._charts.show(snapshot)),
                *_drawn("view", lambda: self._look_first_at(snapshot.crop or snapshot.workspace)),
            )
            self._status.show(snapshot, problems, now_s)
            self._pause.show(abilities)
            self._controls.show(abilities, snapshot.episode)

    def close(self) -> None:
        """Ends the page for everybody."""
        self._doorkeeper.close()
        self._stop()

    def _stop(self) -> None:
        with _quiet():
            self._server.stop()

    def _build(self) -> None:
        scene, gui = self._server.scene, self._server.gui
        gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False, brand_color=BLUE)
        gui.main_panel.dock_right()
        gui.main_panel.set_width(_CONTROLS_PX)
        scene.set_up_direction("+z")
        # Shadows, mirrored surroundings and a second lamp tell nothing here, and a laptop without a graphics card draws
        # them slowly.
        scene.configure_default_lights(enabled=False, cast_shadow=False)
        scene.configure_environment_map(None)
        scene.add_light_ambient("/light", intensity=0.8)
        scene.add_light_directional("/lamp", intensity=2.0, position=_LAMP, cast_shadow=False)
        scene.add_grid("/grid", infinite_grid=True, cell_size=0.1, section_size=0.5, cell_color=(50, 53, 57),
                       section_color=(80, 84, 90), fade_distance=6.0, position=(0.0, 0.0, -0.001))  # fmt: skip
        scene.add_frame("/base", axes_length=0.12, axes_radius=0.003)

        self._cloud = PointCloud(scene)
        self._ribbons = PlanRibbons(scene)
        self._trail = ToolTrail(scene)

        self._status = StatusPanel(gui)
        pause = gui.add_folder(None)
        log = gui.add_folder(None)
        with log:
            self._log = AnswerLog(self._server)
        with pause:
            self._pause = PauseButton(gui, self._operator, self._log)
        self._controls = Controls(gui, self._operator, self._log)
        self._crop = BoxEditor(self._server, "crop", CROP, self._setter("crop"), self._teller("Crop box"))
        self._workspace = BoxEditor(
            self._server, "workspace", WORKSPACE, self._setter("workspace"), self._teller("Workspace")
        )

        side = gui.add_panel()
        side.dock_left()
        side.set_width(_CHARTS_PX)
        self.side = side.add_tab("Loop and cameras")
        with self.side:
            self._legend = Legend(gui)
            self._bodies = BodyShapes(scene, gui)
            self._cameras = CameraImages(gui)
            self._charts = StripCharts(gui)

    def _setter(self, which: str) -> Callable[[Box, Answer], None]:
        return lambda box, answer: self._operator.set_box(which, box, answer)

    def _teller(self, request: str) -> Answer:
        return lambda granted, line: self._log.tell(request, granted, line)

    def _look_first_at(self, box: Box | None) -> None:
        """Turns the first view to where the work is; afterwards the camera belongs to those who look."""
        if not self._looked_at and box is not None:
            self.look_at(box)

    def look_at(self, box: Box) -> None:
        """Turns everybody's view to a box, from as far as all of it is seen."""
        self._looked_at = True
        centre = (box.low + box.high) / 2
        eye = centre + _VIEW * max(_NEAREST_M, float(np.linalg.norm(box.high - box.low)))
        self._server.initial_camera.fov = _FIELD_OF_VIEW
        self._server.initial_camera.look_at = centre
        self._server.initial_camera.position = eye
        for client in self._server.get_clients().values():
            client.camera.fov, client.camera.look_at, client.camera.position = _FIELD_OF_VIEW, centre, eye


def _drawn(what: str, draw: Callable[[], tuple[str, ...] | None]) -> tuple[str, ...]:
    """The lines of a part of the page; one that fails must not hold up the others, least of all the headline."""
    try:
        return draw() or ()
    except Exception as error:
        return (f"{what}: cannot be drawn: {' '.join(str(error).split()) or type(error).__name__}",)


@contextlib.contextmanager
def _quiet() -> Generator[None, None, None]:
    """viser tells its own address, which is nobody's to open."""
    console = rich.get_console()
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


def _reachable(host: str) -> str:
    """As it stands in an address: every one of this machine's is at its name."""
    if host in ("", "0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _hidden_loopback() -> str:
    """One of Linux's sixteen million loopback addresses, which no site in a browser can guess."""
    return f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
