"""The campaign's tables: means by difficulty, bars, the published comparison, ablations, the best five, and costs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.result_lines import success_line, timing_line
from sdm_core.errors import DatasetError
from sdm_training.programs.report import result_lines
from sdm_training.report import ablations, best_five, campaign, policies
from sdm_training.report.comparison_table import comparison_table
from sdm_training.report.contradictions import contradictions
from sdm_training.report.costs import cost_text
from sdm_training.report.estimate import Estimate
from sdm_training.report.goal_marks import goal_mark_table
from sdm_training.report.lines import DEVELOPMENT, FINAL
from sdm_training.report.markdown import NOT_RUN
from sdm_training.report.own_results import own_table
from sdm_training.report.page import page
from sdm_training.report.policies import Policy
from sdm_training.report.published import Published
from sdm_training.report.success import OverTasks, mean_success
from sdm_training.report.suite_tasks import domains
from sdm_training.settings import composed_values

ROOT = Path(__file__).parents[2]
PUBLISHED = Published.load(ROOT / "benchmarks/published")
COMPARED = PUBLISHED.comparison
CAMPAIGN = ("metaworld50", "metaworld50_keypoint", "metaworld50_small")
HARD = domains()["MetaWorld hard"]
DP3, SDM, EDM, BEST = (one.under(policies.WHOLE) for one in (policies.DP3, policies.SDM, policies.EDM, policies.BEST))


def suite(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / f"config/suite/{name}.yaml").read_text())


def composed(name: str) -> dict[str, Any]:
    return composed_values("benchmark", [f"suite={name}"])["suite"]


def hundred(task: str, policy: Policy, quarter: str, **others: Any) -> dict[str, Any]:
    told = {"network": policy.network, **({"disturbed": policy.disturbed} if policy.disturbed else {}), **others}
    return success_line(task, policy.method, policy.nfe, 25 * quarter, **told)


def rows(table: str) -> dict[str, list[str]]:
    """The cells of each row of a Markdown table, by the first one."""
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]]
    return {first: rest for first, *rest in cells}


def everywhere(quarter: str, *policies: Policy) -> list[dict[str, Any]]:
    return [hundred(task, policy, quarter) for task in campaign.every_task() for policy in policies]


def test_the_campaign_s_tasks_are_those_of_its_two_suites() -> None:
    assert set(campaign.every_task()) == {*suite("metaworld50")["tasks"], *suite("adroit3")["tasks"]}
    assert len(campaign.every_task()) == 53
    made = {
        Policy(name, nfe, run["network"], disturbed=row.get("disturbed") or None)
        for run in map(composed, CAMPAIGN)
        for name, row in run["methods"].items()
        for nfe in row.get("nfe", [1])
    }
    assert set(campaign.POLICIES) <= made
    assert len(set(campaign.POLICIES)) == 15


def test_adroit_is_told_under_the_newest_recipe_of_the_policies_that_were_run_under_it() -> None:
    task, other = "adroit/door", "metaworld/reach+goal"
    older = [hundred(task, one.under(policies.THIRD), "1111") for one in (policies.DP3, policies.EDM)]
    newer = [hundred(other, policies.DP3.under(policies.FOURTH), "1110")]
    told = campaign.with_adroit([*older, *newer])[3:]
    assert [(line["task"], line["method"], line["network"]) for line in told] == [(task, "dp3", "coloured")]


def test_what_the_recipes_learn_from() -> None:
    """Turned copies, disturbed demonstrations and coloured ones, by all rows of a suite alike."""
    told = {}
    for name in (*CAMPAIGN, "adroit3", "adroit3_small"):
        run = composed(name)
        assert len(run["methods"]) == 4
        told[name] = {
            (
                "yaw_copies=8" in row.get("overrides", []),
                row.get("disturbed", False),
                tuple(run.get("demonstrations", [])),
            )
            for row in run["methods"].values()
        }
    assert told == {
        "metaworld50": {(True, "half", ("colour=true",))},
        "metaworld50_keypoint": {(True, False, ())},
        "metaworld50_small": {(False, False, ())},
        "adroit3": {(False, False, ())},
        "adroit3_small": {(False, False, ())},
    }


def test_adroit_s_tasks_are_of_the_third_recipe_in_the_fourth_as_well() -> None:
    adroit, of_metaworld = suite("adroit3")["tasks"], suite("metaworld50")["tasks"]
    assert suite("adroit3")["network"] == policies.THIRD.network

    def run(policy: Policy, quarter: str) -> list[dict[str, Any]]:
        third, fourth = policy.under(policies.THIRD), policy.under(policies.FOURTH)
        return [hundred(task, third, quarter) for task in adroit] + [
            hundred(one, fourth, quarter) for one in of_metaworld
        ]

    student, teacher = (policy.under(policies.FOURTH) for policy in (policies.SDM, policies.DP3))
    lines = [*run(student, "1110"), *run(teacher, "1100")]
    assert rows(campaign.success_table(lines))[student.name][-1] == "75.0 [74, 76] (5300)"
    assert rows(campaign.difference_table(lines))[f"{student.name} − {teacher.name}"][0].startswith("+25.0 [")
    assert rows(comparison_table(lines, COMPARED))[f"**ours:** {student.name}"][1].startswith("75.0 [")
    assert len(campaign.with_adroit(lines)) == len(lines) + 2 * len(adroit)


def test_the_readme_says_of_the_recipe_that_is_run_whole_how_it_is_trained() -> None:
    lines = result_lines(ROOT / "benchmarks/results")
    run_whole = [
        recipe
        for recipe in policies.RECIPES
        if all(
            found is not None and found.complete
            for policy in (policies.DP3, policies.SDM, policies.EDM, policies.BEST)
            for found in [mean_success(campaign.with_adroit(lines), campaign.every_task(), policy.under(recipe))]
        )
    ]
    assert run_whole[0] == policies.WHOLE
    words = f"Rows of this table that name no network use `network={policies.WHOLE.network}`"
    assert words in (ROOT / "README.md").read_text()


def test_a_newer_recipe_s_policy_stands_in_the_summary_once_it_is_run_on_every_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(campaign, "WHOLE", policies.SECOND)
    older, newer = policies.SDM.under(policies.SECOND), policies.SDM.under(policies.THIRD)
    lines = everywhere("1100", older) + everywhere("1110", newer)
    assert newer.name not in rows(campaign.summary_table(lines[:-1]))
    table = rows(campaign.summary_table(lines))
    assert list(table) == ["DP3 @ 10", "SDM @ 1", "EDM @ 19", "Consistency Policy (best) @ 1", newer.name]
    assert table["SDM @ 1"][-2] == "50.0 [49, 51] (5300)"
    assert table[newer.name][-2:] == ["75.0 [74, 76] (5300)", NOT_RUN]


def test_of_one_s_own_lines_no_other_recipe_s_stand_in() -> None:
    fourth = policies.SDM.under(policies.FOURTH)
    third = policies.SDM.under(policies.THIRD)
    lines = [hundred("metaworld/soccer", fourth, "1111"), hundred("adroit/pen", third, "1100")]
    heading, *_ = own_table(lines).splitlines()
    columns = [cell.strip() for cell in heading.strip("| ").split(" | ")]
    of_fourth = columns.index(fourth.name) - 1
    table = rows(own_table(lines))
    assert (table["`adroit/pen`"][of_fourth], table["mean"][of_fourth]) == (
        NOT_RUN,
        "100.0 [96, 100] (100, 1 of 2 tasks)",
    )


def test_means_by_difficulty_say_how_many_tasks_they_are_of() -> None:
    lines = [hundred(task, SDM, "1110") for task in HARD]
    cells = rows(campaign.success_table(lines))["SDM @ 1, keypoint network"]
    assert cells == [NOT_RUN] * 3 + ["75.0 [71, 78] (600)", NOT_RUN, "75.0 [71, 78] (600, 6 of 53 tasks)"]


def test_a_student_s_gain_is_paired_with_its_own_teacher() -> None:
    lines = [hundred(task, policy, quarter) for task in HARD for policy, quarter in ((BEST, "1110"), (EDM, "1100"))]
    cells = rows(campaign.difference_table(lines))[
        "Consistency Policy (best) @ 1, keypoint network − EDM @ 19, keypoint network"
    ]
    assert cells[3].startswith("+25.0 [")
    assert cells[3].endswith("] (600)")
    assert cells[5].endswith("(600, 6 of 53 tasks)")
    assert (
        rows(campaign.difference_table(lines))["SDM @ 1, keypoint network − DP3 @ 10, keypoint network"]
        == [NOT_RUN] * 6
    )


def test_the_summary_has_the_recipe_s_students_beside_their_own_teachers() -> None:
    before = [hundred(task, policies.SDM, "0000") for task in campaign.every_task()]
    lines = [*everywhere("1100", DP3, BEST), *everywhere("1110", SDM, EDM), *before]
    found = rows(campaign.summary_table(lines))
    assert {name: cells[-2].split()[0] for name, cells in found.items()} == {
        "DP3 @ 10": "50.0",
        "SDM @ 1": "75.0",
        "EDM @ 19": "75.0",
        "Consistency Policy (best) @ 1": "50.0",
    }
    assert [cells[-1].split()[0] for cells in found.values()] == ["–", "+25.0", "–", "-25.0"]


def test_a_student_stands_beside_its_undistilled_teacher_at_one_evaluation_too_and_best_beside_sdm() -> None:
    at_once = Policy("dp3", 1, network="keypoint")
    lines = [
        hundred(task, policy, quarter)
        for task in HARD
        for policy, quarter in ((SDM, "1110"), (DP3, "1100"), (at_once, "1111"))
    ]
    lines.append(hundred(HARD[0], BEST, "1111"))
    gains = rows(campaign.difference_table(lines))
    assert gains[f"{SDM.name} − {DP3.name}"][3].startswith("+25.0 [")
    assert gains[f"{SDM.name} − {at_once.name}"][3].startswith("-25.0 [")
    assert gains[f"{BEST.name} − {SDM.name}"][3].startswith("+25.0 [")
    assert gains[f"{BEST.name} − {SDM.name}"][3].endswith(f"(100, 1 of {len(HARD)} tasks)")


def test_a_bar_is_decided_only_when_every_task_is_run() -> None:
    def over(rate: float, run: int) -> OverTasks:
        return OverTasks(Estimate(rate, 0.0, 1.0), 100 * run, run, 37)

    assert campaign.verdict(None, 0.9) == campaign.verdict(over(1.0, 36), 0.9) == "not decided yet"
    assert campaign.verdict(over(0.9, 37), 0.9) == "met"
    assert campaign.verdict(over(0.899, 37), 0.9) == "missed"


def test_each_bar_has_its_own_verdict() -> None:
    lines = everywhere("1" * 4, SDM, DP3) + everywhere("1110", BEST) + everywhere("1110", EDM)[:-1]
    verdicts = {bar: cells[-1] for bar, cells in rows(campaign.bars_table(lines, COMPARED)).items()}
    student, best, teacher = SDM.name, BEST.name, EDM.name
    others = set(policies.RECIPES) - {policies.WHOLE}
    unfinished = tuple(f"{one.under(recipe).name}:" for recipe in others for one in (SDM, BEST))
    assert {verdicts.pop(bar) for bar in list(verdicts) if bar.startswith(unfinished)} == {"not decided yet"}
    assert verdicts == {
        f"{student}: at least 90 % over 37 tasks": "met",
        f"{student}: at least 85 % over 53 tasks": "met",
        f"{best}: at least 90 % over 37 tasks": "missed",
        f"{best}: at least 85 % over 53 tasks": "missed",
        f"{best} − {teacher}: at least 0 points over 53 tasks": "not decided yet",
    }


def test_of_the_published_comparison_all_averages_but_one_follow_from_its_cells() -> None:
    assert [len(tasks) for tasks in COMPARED.domains.values()] == [3, 21, 4, 4, 5]
    assert len(set(COMPARED.tasks)) == 37
    assert all(set(tasks) <= set(domains()[name]) for name, tasks in COMPARED.domains.items())
    found = [row for row in contradictions(PUBLISHED) if row[0] == f"{COMPARED.title}, average"]
    assert [row[1:] for row in found] == [["OMP", "82.3", "its own cells average to 82.7"]]


def test_ours_stand_below_the_published_rows() -> None:
    table = rows(
        comparison_table([*everywhere("1110", SDM), timing_line("student, 1 NFE, keypoint network", 1.25)], COMPARED)
    )
    assert list(table)[:6] == [method.label for method in COMPARED.methods]
    assert table["OMP"][-3:] == ["82.3", "6.8 ms", "RTX 4090"]
    assert table["**ours:** SDM @ 1, keypoint network"][-3:] == ["75.0 [73, 76] (3700)", "1.25 ms", "one CPU thread"]
    assert table["**ours:** EDM @ 19, keypoint network"] == ["19", *[NOT_RUN] * 8]


def test_a_mark_s_worth_is_told_on_tasks_that_were_run_without_it() -> None:
    plain, marked = (
        success_line("metaworld/reach", "dp3", 10, "1000"),
        success_line("metaworld/reach+goal", "sdm", 1, "11"),
    )
    other = success_line("metaworld/push+goal", "sdm", 1, "11")
    assert goal_mark_table([marked, other]) == "Not run."
    table = rows(goal_mark_table([plain, marked, other]))
    assert list(table) == ["`metaworld/reach`"]
    without, shown, student_without, student_shown = table["`metaworld/reach`"]
    assert (without[:2], student_shown[:3]) == ("25", "100")
    assert shown == student_without == NOT_RUN


def test_a_method_without_a_domain_s_figure_is_refused(tmp_path: Path) -> None:
    for file in (ROOT / "benchmarks/published").glob("*.yaml"):
        document = yaml.safe_load(file.read_text())
        if "comparison" in document:
            document["methods"][1]["printed"].pop()
        (tmp_path / file.name).write_text(yaml.safe_dump(document))
    with pytest.raises(DatasetError, match="FlowPolicy has 4 figures for 5 domains"):
        Published.load(tmp_path)


def _policy(row: dict[str, Any], name: str, nfe: int, network: str) -> Policy:
    return Policy(row.get("method", name), nfe, row.get("network", network), row.get("variant"), row.get("disturbed"))


def test_every_row_of_the_ablations_suite_is_in_a_table_and_no_other() -> None:
    runs = [suite("ablations"), suite("colour")]
    made = {
        (dataclasses.replace(_policy(row, name, nfe, run["network"]), replan_steps=executed), row.get("demos"))
        for run in runs
        for name, row in run["methods"].items()
        for nfe in row.get("nfe", [1])
        for executed in (None, *row.get("replan_steps", []))
    }
    shown = {
        (setting.policy, None if setting.demos == ablations.DEMOS else setting.demos)
        for one in ablations.ABLATIONS
        for setting in one.settings
    }
    assert made == shown
    for run in runs:
        assert list(run["tasks"]) == list(ablations.TASKS)
        assert run["eval_seed0"] == DEVELOPMENT["eval_seed0"] != FINAL["eval_seed0"]
        assert all(row["demos"] == ablations.DEMOS for row in run["tasks"].values())


def test_an_ablation_is_shown_once_it_is_run_and_paired_with_the_recipe() -> None:
    recipe = [hundred(ablations.TASKS[0], DP3, "1110", **DEVELOPMENT, seed=seed) for seed in (0, 1)]
    assert ablations.ablation_tables(recipe) == "Not run."
    world = [{**hundred(ablations.TASKS[0], DP3, "1100", **DEVELOPMENT), "variant": "world cloud"}]
    text = ablations.ablation_tables(recipe + world)
    assert text.startswith("### Frame of the cloud: DP3 @ 10, keypoint network\n")
    assert text.count("###") == 1
    table = rows(text.partition("\n\n")[2])
    assert table["centred on the gripper (the third recipe)"][0] == "75 [69, 80] (200)"
    assert table["in the world"][-2] == "50.0 [40, 60] (100, 1 of 6 tasks)"
    assert table["in the world"][-1].startswith("-25.0 [")
    assert table["in the world"][-1].endswith("(100, 1 of 6 tasks)")


def test_an_ablation_of_demonstrations_goes_by_their_number() -> None:
    lines = [hundred(ablations.TASKS[0], DP3, "1110", **DEVELOPMENT, demos=demos) for demos in (10, 50)]
    text = ablations.ablation_tables(lines)
    assert text.startswith("### Demonstrations: DP3 @ 10, keypoint network\n")
    assert rows(text.partition("\n\n")[2])["5"] == [NOT_RUN] * 8


def test_an_ablation_of_executed_actions_is_of_the_recipe_s_own_training() -> None:
    newest = policies.DP3.under(policies.FOURTH)
    often = hundred(ablations.TASKS[0], newest, "1110", **DEVELOPMENT)
    rarely = {**hundred(ablations.TASKS[0], newest, "1100", **DEVELOPMENT), "replan_steps": 8}
    text = ablations.ablation_tables([often, rarely])
    assert text.startswith(f"### Executed actions of one training: {newest.name}\n")
    table = rows(text.partition("\n\n")[2])
    assert table["1 of a chunk of 8 (the fourth recipe)"][0] == "75 [66, 82] (100)"
    assert table["8 of a chunk of 8"][0] == "50 [40, 60] (100)"
    assert table["8 of a chunk of 8"][-1].startswith("-25.0 [")


def snapshots(policy: Policy) -> list[dict[str, Any]]:
    """Fifteen of one training, with 1 to 15 of 20 successes; the last has 12."""
    return [
        success_line(best_five.TASKS[0], policy.method, policy.nfe, outcomes.ljust(20, "0"), network=policy.network)
        | {"protocol": "snapshot", "snapshot": number, "step": number}
        for number, outcomes in enumerate(("1" * won for won in (*range(1, 12), *range(13, 16), 12)), start=1)
    ]


def test_the_ten_tasks_of_the_best_five_are_those_of_its_suite() -> None:
    run = suite("best5")
    assert list(run["tasks"]) == run["curve"]["tasks"] == list(best_five.TASKS)
    assert (run["curve"]["snapshots"], run["curve"]["episodes"]) == (best_five.SNAPSHOTS, 20)
    assert len(best_five.TASKS) == 10


def test_the_best_five_stand_beside_the_last_of_the_same_training() -> None:
    final = hundred(best_five.TASKS[0], SDM, "1100")  # of another training
    other = hundred(best_five.TASKS[0], SDM, "1111", seed=1)
    assert not best_five.has_best_five([*snapshots(SDM)[:-1], final])
    lines = [*snapshots(SDM), final, other]
    assert best_five.has_best_five(lines)
    table = best_five.best_five_table(lines)  # the best: 11 to 15 of 20
    assert f"| `{best_five.TASKS[0]}` | SDM @ 1, keypoint network | 65.0 | 60.0 | +5.0 | 50.0 |" in table
    assert "| mean over 1 of 10 tasks | SDM @ 1, keypoint network | 65.0 | 60.0 | +5.0 | 50.0 |" in table
    assert "What the best five" in page(lines, PUBLISHED)
    assert "Ten tasks of the fifty" in page(lines, PUBLISHED)
    assert "learning_curves.png" not in page(lines, PUBLISHED), "these snapshots are no learning curves to be drawn"
    assert "Ten tasks of the fifty" not in page([final], PUBLISHED)


def job(stage: str, cpu_s: float, **others: Any) -> dict[str, Any]:
    spent = {"cpu_s": cpu_s, "wall_s": 2 * cpu_s, "attempts": 1}
    return {"kind": "job", "name": "a", "stage": stage, "outcome": "done", **spent, **others}


def test_costs_are_summed_by_stage_and_by_task() -> None:
    lines = [
        job("training", 1800, task="a/b", attempts=3),
        job("training", 1800, task="a/c", outcome="failed"),
        job("evaluation", 3600, task="a/b"),
        job("training", 360, stacked=9),
    ]
    table = rows(cost_text(lines))
    assert table["demonstrations"] == ["0", "0", "0", "0.00", "0.00", "–"]
    assert table["training"] == ["3", "1", "2", "1.10", "2.20", "30.0 (2)"]
    assert table["together"] == ["4", "1", "2", "2.10", "4.20", "60.0 (2)"]


def test_of_a_training_without_a_job_s_line_its_own_time_is_known() -> None:
    one, other = hundred(HARD[0], SDM, "1110", train_s=3600.0), hundred(HARD[1], SDM, "1110", train_s=7200.0)
    known = {key: other[key] for key in ("task", "method", "network", "seed")}
    lines = [one, other, job("training", 60, **known), {**one, "task": HARD[2], "stacked": 5}]
    text = " ".join(cost_text(lines).split())
    assert "Not in the table: 1 of the trainings on the 53 tasks, which no job's line tells of" in text
    assert "Their own time was 1.0 h" in text
    assert "Not in the table" not in cost_text(lines[1:])


def test_what_it_has_cost_is_shown_only_where_jobs_have_lines() -> None:
    lines = [hundred(HARD[0], SDM, "1110")]
    assert "What it has cost" not in page(lines, PUBLISHED)
    assert "What it has cost" in page([*lines, job("training", 60, task=HARD[0])], PUBLISHED)
