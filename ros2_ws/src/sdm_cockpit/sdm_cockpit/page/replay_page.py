"""The cockpit's page with a recording in it: a scrubber, and the demonstrations beside what was seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sdm_cockpit.page.chunk_charts import ChunkCharts
from sdm_cockpit.page.comparison_panel import ComparisonPanel
from sdm_cockpit.page.ghost_cloud import GhostCloud
from sdm_cockpit.page.page import Page, PageOptions
from sdm_cockpit.page.progress_lines import ProgressLines
from sdm_cockpit.page.replay_controls import ReplayControls
from sdm_cockpit.replay.onlooker import Onlooker
from sdm_cockpit.replay.player import Player
from sdm_cockpit.replay.replay import View
from sdm_cockpit.snapshot import Box


class ReplayPage:
    """One thread calls `show`, at most 20 times a second."""

    def __init__(
        self, options: PageOptions, player: Player, episodes: Sequence[str], choose: Callable[[int], None]
    ) -> None:
        """`episodes` and `choose`: as of ReplayControls. Raises as Page."""
        self._page = Page(options, Onlooker())
        gui = self._page.gui
        with gui.add_folder("Replay"):
            self._controls = ReplayControls(gui, player, episodes, choose)
            self._progress = ProgressLines(gui)
        with self._page.side:
            self._chunks = ChunkCharts(gui)
        self._demonstrations = gui.add_folder("Demonstrations", visible=False)
        with self._demonstrations:
            self._ghost = GhostCloud(self._page.scene, gui, "nearest in grey")
            self._comparison = ComparisonPanel(gui)

    def look_at(self, box: Box) -> None:
        """As Page."""
        self._page.look_at(box)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._page.url

    def show(self, view: View) -> None:
        """Draws what has changed."""
        self._page.show(view.snapshot)
        self._controls.show(view.step, view.steps)
        self._progress.show(view.work)
        self._chunks.show(view.actions, view.snapshot.plans)
        compared = view.comparison
        self._demonstrations.visible = compared is not None
        self._comparison.show(compared)
        self._ghost.show(compared.cloud if compared else None)

    def close(self) -> None:
        """Ends the page for everybody."""
        self._page.close()
