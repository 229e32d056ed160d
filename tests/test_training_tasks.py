"""Targets that are learned each from datasets of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from sepkit import Audio, Config, Registry, Run
from sepkit.cli.given import parse_tasks
from sepkit.cli.train import command
from sepkit.errors import ConfigError, DatasetError
from sepkit.evaluation import Dataset, Track
from sepkit.plugin import SeparatorSpec
from sepkit.training import Trainer, TrainingData, TrainingResult, train


class Stems(Dataset):
    """Tracks that have some stems."""

    title: str = "track"
    sources: tuple[str, ...] = ("drums",)
    count: int = 3

    def tracks(self) -> Iterator[Track]:
        for number in range(self.count):
            stems = {source: lambda: Audio(np.ones((1, 10), np.float32), 8000) for source in self.sources}
            yield Track(name=f"{self.title} {number}", stems=stems, split="valid" if number == 1 else "train")


class OneByOne(Trainer[Config]):
    """Writes down what its tasks are."""

    by_task = True

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        told = {
            task.target: [[track.name for track in part] for part in (task.train, task.valid)] for task in data.tasks
        }
        (folder / "tasks.json").write_text(json.dumps(told))


@pytest.fixture
def teach(registry: Registry, tmp_path: Path) -> Callable[..., TrainingResult]:
    options = {"trainer": f"{__name__}:OneByOne", "training": "sepkit.config:Config"}
    registry.add(SeparatorSpec(name="one-by-one", summary="a fake", factory="sepkit_fakes:Taught", **options))

    def teach(name: str = "one-by-one", datasets: Any = (), **given: Any) -> TrainingResult:
        return train(name, datasets, tmp_path / "weights", registry=registry, **given)

    return teach


def told(trained: TrainingResult) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((trained.folder / "tasks.json").read_text())
    return record


def test_every_task_has_tracks_of_its_own(teach: Callable[..., TrainingResult]) -> None:
    trained = teach(
        tasks={"drums": [Stems()], "bass": [Stems(title="a", sources=("bass",)), Stems(title="b", sources=("bass",))]}
    )
    assert told(trained) == {
        "drums": [["track 0", "track 2"], ["track 1"]],
        "bass": [["a 0", "a 2", "b 0", "b 2"], ["a 1", "b 1"]],
    }
    assert trained.data.sources == ("drums", "bass")
    assert len(trained.data.train) == 6


def test_without_tasks_there_is_one_for_every_stem(teach: Callable[..., TrainingResult]) -> None:
    trained = teach(datasets=[Stems(sources=("drums", "bass"), count=2), Stems(title="more", count=1)])
    assert told(trained) == {"drums": [["track 0", "more 0"], ["track 1"]], "bass": [["track 0"], ["track 1"]]}


def test_tracks_without_the_target_are_skipped_and_told(teach: Callable[..., TrainingResult]) -> None:
    trained = teach(tasks={"drums": [Stems(count=1), Stems(title="strings", sources=("viola",), count=1)]})
    assert told(trained)["drums"][0] == ["track 0"]
    assert trained.remarks == ("track strings 0 is skipped, without a stem drums",)


def test_a_target_that_no_track_has_is_refused(teach: Callable[..., TrainingResult]) -> None:
    with pytest.raises(DatasetError, match="no track to learn from has a stem 'cello'; the stems are drums"):
        teach(tasks={"cello": [Stems()]})


def test_methods_that_learn_all_together_refuse_tasks(teach: Callable[..., TrainingResult]) -> None:
    with pytest.raises(ConfigError, match="learns its sources together and knows no tasks; give datasets"):
        teach("taught", tasks={"drums": [Stems()]})


@pytest.mark.parametrize("more", [{"datasets": [Stems()]}, {"sources": ["drums"]}])
def test_tasks_leave_no_place_for_other_data(teach: Callable[..., TrainingResult], more: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="leave out other datasets and --sources"):
        teach(tasks={"drums": [Stems()]}, **more)


class TestCommandLine:
    def test_tasks_are_read(self) -> None:
        given = ("drums=loops", "bass=toy:count=3", "bass=b=c")
        assert parse_tasks(given) == {"drums": ["loops"], "bass": ["toy:count=3", "b=c"]}

    @pytest.mark.parametrize("given", ["drums", "=loops", "drums="])
    def test_what_is_none_is_refused(self, given: str) -> None:
        with pytest.raises(ConfigError, match="--task needs NAME=DATASET"):
            parse_tasks((given,))

    def test_something_to_learn_from_is_needed(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(command, ["nae", "-o", str(tmp_path / "w")])
        assert result.exit_code == 2
        assert "--task NAME=DATASET" in result.output
