from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Cancelled, Progress, Run, SepkitError


@pytest.fixture
def reports() -> list[Progress]:
    return []


@pytest.fixture
def run(reports: list[Progress]) -> Run:
    return Run(reporter=reports.append)


def fractions(reports: list[Progress]) -> list[float]:
    return [report.fraction for report in reports]


class TestProgress:
    @given(total=st.integers(0, 50))
    def test_rises_to_one(self, total: int) -> None:
        reports: list[Progress] = []
        assert list(Run(reporter=reports.append).steps(total, "stage")) == list(range(total))
        done = [report.done for report in reports]
        assert done == list(range(total + 1))
        assert fractions(reports)[-1] == 1
        assert fractions(reports) == sorted(fractions(reports))
        assert {report.stage for report in reports} == {"stage"}

    def test_is_reported_after_each_step(self, run: Run, reports: list[Progress]) -> None:
        seen = [reports[-1].done for _ in run.steps(3, "stage")]
        assert seen == [0, 1, 2]

    def test_early_break_counts_as_done_when_the_run_ends(self, reports: list[Progress]) -> None:
        with Run(reporter=reports.append) as run:
            for step in run.steps(10, "stage"):
                if step == 3:
                    break
        assert reports[-1] == Progress("stage", 10, 10)
        assert fractions(reports) == sorted(fractions(reports))

    def test_early_break_counts_as_done_before_the_next_stage(self, run: Run, reports: list[Progress]) -> None:
        for _ in run.steps(10, "first"):
            break
        list(run.steps(1, "second"))
        assert reports[1:] == [Progress("first", 10, 10), Progress("second", 0, 1), Progress("second", 1, 1)]

    def test_exception_in_the_body_is_never_done(self, reports: list[Progress]) -> None:
        def fail_at_three(steps: Iterator[int]) -> None:
            for step in steps:
                if step == 3:
                    raise ArithmeticError

        with pytest.raises(ArithmeticError), Run(reporter=reports.append) as run:
            fail_at_three(run.steps(10, "stage"))
        assert fractions(reports)[-1] == 0.3

    def test_nothing_is_reported_after_the_end(self, reports: list[Progress]) -> None:
        with Run(reporter=reports.append) as run:
            held = run.steps(10, "stage")
            next(held)
        before = list(reports)
        held.close()  # type: ignore[attr-defined]
        list(run.steps(3, "late"))
        assert reports == before

    def test_needs_no_reporter(self) -> None:
        with Run() as run:
            assert list(run.steps(3, "stage")) == [0, 1, 2]


class _SetAfter:
    """A switch that is on from its `calls`-th question on."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


class TestCancelling:
    def test_before_the_first_step(self) -> None:
        cancel = threading.Event()
        cancel.set()
        entered = []
        with pytest.raises(Cancelled):
            entered += Run(cancel=cancel).steps(10, "stage")
        assert entered == []

    @given(step=st.integers(0, 9))
    def test_within_one_step(self, step: int) -> None:
        cancel = threading.Event()
        entered = []

        def work(steps: Iterator[int]) -> None:
            for index in steps:
                entered.append(index)
                if index == step:
                    cancel.set()

        with pytest.raises(Cancelled):
            work(Run(cancel=cancel).steps(10, "stage"))
        assert entered[-1] == step

    def test_is_not_reported_as_done(self, reports: list[Progress]) -> None:
        run = Run(reporter=reports.append, cancel=_SetAfter(4))
        with pytest.raises(Cancelled), run:
            list(run.steps(10, "stage"))
        assert max(fractions(reports)) < 1

    def test_between_stages(self) -> None:
        cancel = threading.Event()
        run = Run(cancel=cancel)
        run.check_cancelled()
        cancel.set()
        with pytest.raises(Cancelled):
            run.check_cancelled()


class TestRandomNumbers:
    @given(seed=st.integers(0, 2**64))
    def test_same_seed_same_numbers(self, seed: int) -> None:
        np.testing.assert_array_equal(Run(seed=seed).rng.random(5), Run(seed=seed).rng.random(5))

    def test_other_seed_other_numbers(self) -> None:
        assert (Run(seed=0).rng.random(5) != Run(seed=1).rng.random(5)).all()

    def test_global_generator_is_left_alone(self) -> None:
        before = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]  # noqa: NPY002
        Run(seed=3).rng.random(5)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # type: ignore[index]  # noqa: NPY002


class TestRecords:
    def test_traces_are_lists_of_float(self, run: Run) -> None:
        run.trace("cost", np.array([2, 1], np.float32))
        assert run.traces == {"cost": [2.0, 1.0]}
        assert {type(value) for value in run.traces["cost"]} == {float}

    def test_violations_add_up(self, run: Run) -> None:
        run.report_violations({"a": 1.0})
        run.report_violations({"b": 0.0})
        assert run.violations == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize("fault", [RuntimeError("the window is gone"), SystemExit("the window is gone")])
def test_a_reporter_that_fails_is_named_as_such(fault: BaseException) -> None:
    def broken(progress: Progress) -> None:
        raise fault

    with pytest.raises(SepkitError, match=rf"reporter failed with {type(fault).__name__}: the window is gone"):
        next(Run(reporter=broken).steps(2, "work"))


def test_figures_are_shown_with_the_progress_of_their_stage() -> None:
    reports: list[Progress] = []
    with Run(reporter=reports.append) as run:
        for step in run.steps(2, "train"):
            run.show(loss=step + 0.5)
            if step:
                run.show(validation=3.0)
        for _ in run.steps(1, "next"):
            pass
    figures = [dict(report.figures) for report in reports]
    assert figures == [{}, {"loss": 0.5}, {"loss": 1.5, "validation": 3.0}, {}, {}]


def test_figures_are_plain_numbers_and_in_json_finite_ones_or_null() -> None:
    reports: list[Progress] = []
    with Run(reporter=reports.append) as run:
        for _ in run.steps(1, "train"):
            run.show(loss=np.float32(0.5), slope=np.float64("nan"), best=-np.inf)
    assert {type(figure) for figure in reports[-1].figures.values()} == {float}
    told = {"stage": "train", "done": 1, "total": 1, "figures": {"loss": 0.5, "slope": None, "best": None}}
    assert json.loads(json.dumps(reports[-1].as_dict(), allow_nan=False)) == told
