"""cockpit_node: what a policy sees, plans and does, on a web page; and what a human may ask of it there."""

from __future__ import annotations

import gc
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from rclpy.node import Node
from sdm_core.errors import ContractError
from sdm_policy_node.contract_file import load_contract
from sdm_policy_node.parameters import declare
from sdm_policy_node.run_node import run_node

from sdm_cockpit.cockpit_parameters import CockpitParameters
from sdm_cockpit.graph.graph_operator import GraphOperator
from sdm_cockpit.graph.graph_view import GraphView
from sdm_cockpit.graph.visual_publisher import VisualPublisher
from sdm_cockpit.page.page import Page, PageOptions
from sdm_cockpit.page_token import page_token


class CockpitNode(Node):
    """Looks at the graph at its own pace, and draws on a thread beside the executor's. Its death stops no robot, unless
    command_node is told to want a deadman."""

    def __init__(self) -> None:
        self._made = ExitStack()
        super().__init__("cockpit_node")
        p = declare(self, CockpitParameters)
        os.nice(p.niceness)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # wakes up behind whoever computes
        contract = load_contract(p.checkpoint)
        token, about_token = page_token(p.host, p.token_file)
        with ExitStack() as made:  # a signal may come meanwhile, and threads that are left would keep the process
            self._view = GraphView(self, p, contract)
            made.callback(self._view.close)
            folder = Path(p.checkpoints) if p.checkpoints else Path(p.checkpoint).absolute().parent
            operator = GraphOperator(self, folder, contract.action.kind, lambda: self._view.deadman)
            try:
                self._page = Page(PageOptions(host=p.host, port=p.port, token=token), operator)
            except OSError as error:
                raise ContractError(
                    f"no page on {p.host}:{p.port} ({error.strerror}); set another port, or 0"
                ) from None
            made.callback(self._page.close)
            self._visual = VisualPublisher(self, contract) if p.visual_messages else None
            self._period_s = 1 / p.pictures_hz
            self._stopped = threading.Event()
            drawing = threading.Thread(target=self._draw_all, name="drawing", daemon=True)
            drawing.start()
            made.callback(drawing.join)
            made.callback(self._stopped.set)
            self._made = made.pop_all()
        self.get_logger().info(f"cockpit: {self._page.url}{f' ({about_token})' if about_token else ''}")

    def destroy_node(self) -> None:
        self._made.close()
        super().destroy_node()

    def _draw_all(self) -> None:
        while not self._stopped.is_set():
            begun = time.monotonic()
            snapshot = self._view.snapshot()
            self._page.show(snapshot)
            if self._visual:
                self._visual.show(snapshot)
            self._stopped.wait(max(0.0, self._period_s - (time.monotonic() - begun)))


def main() -> None:
    run_node(CockpitNode, farewell=True)
    gc.freeze()  # collecting all that was imported would take seconds of a busy machine, for a process that is over
