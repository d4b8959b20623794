"""Published figures: complete, consistent where the papers are, and never mixed up with ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from helpers.result_lines import success_line, timing_line
from sdm_core.errors import DatasetError
from sdm_sim.metaworld.suite import DIFFICULTY, with_goal_shown
from sdm_sim.metaworld.suite import TASKS as METAWORLD
from sdm_training.report.ablation_table import ablation_table
from sdm_training.report.contradictions import contradictions
from sdm_training.report.domain_tables import domain_table
from sdm_training.report.image_tables import image_table
from sdm_training.report.policies import METHODS
from sdm_training.report.published import Published, PublishedTable, decimals, number
from sdm_training.report.task_tables import task_table

FOLDER = Path(__file__).parents[2] / "benchmarks/published"
PUBLISHED = Published.load(FOLDER)
SDM = {table.number: table for table in PUBLISHED.of("SDM Policy")}
ONEDP = {table.number: table for table in PUBLISHED.of("OneDP")}
EVERY_TABLE = pytest.mark.parametrize("table", PUBLISHED.tables, ids=lambda table: f"{table.paper} {table.number}")


def test_every_table_of_simulated_results_is_there() -> None:
    assert sorted(SDM) == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]
    assert sorted(ONEDP) == [1, 2]


@pytest.mark.parametrize("number", [7, 8, 9])
def test_the_57_tasks_are_complete_and_metaworld_s_are_split_by_difficulty(number: int) -> None:
    table = SDM[number]
    assert len({column.task for column in table.columns}) == len(table.columns) == 57
    assert len(table.tasks_of("Adroit")) == 3
    assert len(table.tasks_of("DexArt")) == 4
    assert set(table.tasks_of("MetaWorld")) == {f"metaworld/{with_goal_shown(task)}" for task in METAWORLD}
    for difficulty, tasks in DIFFICULTY.items():
        learnable = {f"metaworld/{with_goal_shown(task)}" for task in tasks}
        assert set(table.tasks_of(f"MetaWorld {difficulty}")) == learnable


@EVERY_TABLE
def test_each_cell_is_a_figure_or_says_that_there_is_none(table: PublishedTable) -> None:
    for column in table.columns:
        for printed in column.printed:
            assert re.fullmatch(r"\d+(\.\d+)?( ± \d+(\.\d+)?|Hz)?|-|Failure", printed), (column.name, printed)


@EVERY_TABLE
def test_every_row_has_a_method_of_ours_and_every_domain_its_count_of_tasks(table: PublishedTable) -> None:
    assert all(row.ours.method in METHODS and row.ours.nfe == row.nfe for row in table.rows)
    if table.detail:
        detail = SDM[table.detail]
        assert all(len(detail.tasks_of(column.domain)) == column.count for column in table.columns)


@pytest.mark.parametrize("table", ONEDP.values(), ids=lambda table: f"OneDP {table.number}")
def test_onedp_s_averages_follow_from_their_cells(table: PublishedTable) -> None:
    for row, printed in enumerate(table.average):
        mean = table.mean(row)
        assert mean is not None
        assert abs(mean - float(printed)) < 0.00051


def test_table_7_s_averages_follow_from_its_cells_but_for_two() -> None:
    means = {row.label: SDM[7].mean(index) for index, row in enumerate(SDM[7].rows)}
    assert {label: f"{mean:.1f}" for label, mean in means.items()} == {
        "Diffusion Policy": "55.3",  # 55.5 printed
        "3D Diffusion Policy": "72.6",
        "3D Diffusion Policy*": "76.1",
        "ManiCM*": "69.0",
        "SDM Policy": "73.1",  # 74.8 printed
    }


def test_the_contradictions_of_the_printed_tables_are_found() -> None:
    found = {(where, method): but for where, method, _, but in contradictions(PUBLISHED)}
    assert found["SDM Policy, Table 7, average", "SDM Policy"].endswith("73.1")
    assert found["SDM Policy, Table 2, Adroit: Pen", "SDM Policy"] == "Table 7 prints 49 ± 4"
    # Push Back's 100 and Stick Push's 0 moved between these two domains.
    assert found["SDM Policy, Table 1, MetaWorld hard", "SDM Policy"].endswith("52.5")
    assert found["SDM Policy, Table 1, MetaWorld very hard", "SDM Policy"].endswith("51.6")
    assert not [where for where, _ in found if where.startswith("OneDP")]


def test_figures_are_read_from_cells_as_printed() -> None:
    assert [number(cell) for cell in ("45 ± 5", "10.78Hz", "0.041 ± 0.025", "-", "Failure")] == [
        45,
        10.78,
        0.041,
        None,
        None,
    ]
    assert [decimals(cell) for cell in ("45 ± 5", "10.78Hz", "0.041 ± 0.025", "-")] == [0, 2, 3, 0]


def test_ours_stand_beside_the_printed_figures_by_task() -> None:
    lines = [success_line("metaworld/sweep", "sdm", 1, "1110" * 25, network="keypoint")]
    table = task_table(lines, SDM[7]).splitlines()
    assert len(table) == 2 + 57 + 1
    sweep = next(line for line in table if line.startswith("| MetaWorld medium | Sweep |"))
    cells = [cell.strip() for cell in sweep.strip("| ").split(" | ")]
    assert cells[2:7] == ["18 ± 8", "96 ± 3", "92 ± 4", "54 ± 16", "90 ± 6"]
    assert cells[7:] == ["not run", "not run", "not run", "75 [66, 82] (100)"]


def test_ours_stand_under_the_printed_figures_by_domain() -> None:
    lines = [
        success_line(task, "sdm", 1, "1110" * 25, network="keypoint") for task in SDM[7].tasks_of("MetaWorld hard")
    ]
    ours = next(line for line in domain_table(lines, SDM[1], SDM[7]).splitlines() if "ours:** SDM" in line)
    cells = [cell.strip() for cell in ours.strip("| ").split(" | ")]
    assert cells[1:] == ["not run"] * 4 + ["75.0 [71, 78] (600)", "not run", "75.0 [71, 78] (600, 6 of 57 tasks)"]
    assert "not printed" in domain_table([], SDM[3], SDM[8])


def test_pusht_is_compared_by_its_score_as_printed() -> None:
    lines = [success_line("pusht/push-t", "onedp_s", 1, "0" * 100, score=0.8)]
    assert "| 0.816 ± 0.058 / 0.800 (100) |" in image_table(lines, ONEDP[1])


def test_the_ablation_is_ours_from_scratch() -> None:
    recipe = success_line("metaworld/sweep", "sdm", 1, "1110" * 25, variant="scratch", network="keypoint")
    core = success_line("metaworld/sweep", "sdm", 1, "1100" * 25, variant="scratch")
    table = ablation_table([recipe, core, timing_line("student, 1 NFE", 2.0)], SDM[5])
    assert "| **ours:** SDM @ 1, keypoint network, scratch | the paper's | 75.0 [66, 82] (100, 1 of 7 tasks) |" in table
    assert "| **ours:** SDM @ 1, keypoint network | the paper's | not run |" in table
    core_row = "| **ours:** SDM @ 1, scratch | core, MetaWorld | 50.0 [40, 60] (100, 1 of 5 tasks) | 500 Hz |"
    assert core_row in table, "the core comparison's network is the small one, and one timing is every task's"


def test_rows_of_an_ablation_are_of_the_same_tasks() -> None:
    def line(task: str, outcomes: str, **others: str) -> dict:
        return success_line(task, "sdm", 1, outcomes * 25, network="keypoint", **others)

    both = [line("adroit/door", "1111"), line("adroit/door", "1100", variant="scratch")]
    table = ablation_table([*both, line("metaworld/sweep", "0000")], SDM[5])
    assert "| **ours:** SDM @ 1, keypoint network | the paper's, 1 of 7 | 100.0 [96, 100] (100) |" in table
    assert "| **ours:** SDM @ 1, keypoint network, scratch | the paper's, 1 of 7 | 50.0 [40, 60] (100) |" in table


def test_a_missing_figure_is_refused(tmp_path: Path) -> None:
    document = yaml.safe_load((FOLDER / "onedp.yaml").read_text())
    document["tables"][0]["columns"][2]["printed"].pop()
    (tmp_path / "onedp.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(DatasetError, match="table 1, Square-ph has 4 figures for 5 methods"):
        Published.load(tmp_path)


def test_a_folder_without_figures_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no published figures"):
        Published.load(tmp_path)
