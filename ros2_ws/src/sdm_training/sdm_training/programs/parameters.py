"""`sdm-parameters`: counts the networks' parameters, part by part, into docs/networks.md."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import torch
from sdm_core.atomic import atomic_write
from sdm_core.contract import Bounds, Contract, NormaliserStatistics
from sdm_core.errors import SdmError
from sdm_sim.colour_contract import with_coloured_cloud
from sdm_sim.metaworld.task import metaworld_contract

from sdm_training.policy.policy import Policy, PolicySettings, parameter_count
from sdm_training.settings import SettingsError, build, composed_values

_BLOCK = re.compile(r"(<!-- parameters:begin -->\n).*?(<!-- parameters:end -->)", re.DOTALL)
# DP3 observes the hand and both fingertips, and not the gap between them.
_DP3_STATES = 9


def main() -> None:
    """Console entry point."""
    parser = argparse.ArgumentParser(prog="sdm-parameters", description=__doc__)
    parser.add_argument("--page", type=Path, default=Path("docs/networks.md"))
    page: Path = parser.parse_args().page
    try:
        text = page.read_text()
        if not _BLOCK.search(text):
            raise SettingsError(
                f"{page} has no lines <!-- parameters:begin --> and <!-- parameters:end --> for a table"
            )
        atomic_write(page, _BLOCK.sub(lambda block: f"{block[1]}{parameter_table()}\n{block[2]}", text).encode())
    except (SdmError, OSError) as error:
        sys.exit(f"sdm-parameters: {error}")


def parameter_table() -> str:
    """A Markdown table for MetaWorld's contract; of DP3's networks also for DP3's state."""
    contract = metaworld_contract("door-open")
    without_gap = contract.observation.model_copy(update={"state": contract.observation.state[:_DP3_STATES]})
    published = contract.model_copy(update={"observation": without_gap})
    lines = [
        "| network | state entries | cloud encoder | state encoder | denoiser | together |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    of_dp3 = [(name, given) for name in ("paper", "simple") for given in (published, contract)]
    own = {"small": contract, "keypoint": contract, "coloured": with_coloured_cloud(contract), "joint": contract}
    for name, given in (*of_dp3, *own.items()):
        counts = part_sizes(name, given)
        cells = [given.state_dim, counts["cloud"], counts["state"], counts["denoiser"], sum(counts.values())]
        lines.append(f"| `{name}` | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    return "\n".join(lines)


def part_sizes(network: str, contract: Contract) -> dict[str, int]:
    """Parameters of a preset's `cloud` encoder, `state` encoder and `denoiser`, counted without allocating any."""
    composed = composed_values("train", [f"network={network}", f"task={contract.task}"])
    values = {part: composed[part] for part in ("network", "diffusion")}
    settings = build(PolicySettings, values, network)
    unit = NormaliserStatistics(state=_unit_bounds(contract.state_dim), action=_unit_bounds(contract.action_dim))
    with torch.device("meta"):
        policy = Policy(settings, settings.network.contract(contract).model_copy(update={"normaliser": unit}))
    parts = {"cloud": policy.encoder.cloud, "state": policy.encoder.state, "denoiser": policy.denoiser}
    return {name: parameter_count(part) for name, part in parts.items()}


def _unit_bounds(entries: int) -> Bounds:
    return Bounds(low=(-1.0,) * entries, high=(1.0,) * entries)
