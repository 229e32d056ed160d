"""What is given beside the mixture, and what the record says of it."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import sepkit
from sepkit import Audio, Domain, F0Track, Label, Labels, Layout, Note, Registry, Score, Separation
from sepkit.builtin import MixtureConsistency
from sepkit.errors import (
    MismatchError,
    SideInformationError,
)
from sepkit.music.labels import all_labels

NoiseOf = Callable[..., Audio]
Separate = Callable[..., Separation]


class TestSideInformation:
    SCORE = Score((Note(0, 1, 60),))
    F0 = F0Track(np.array([0.0]), np.array([440.0]))

    def test_needs_are_all_named_before_any_work(self, separate: Separate, stereo: Audio) -> None:
        with pytest.raises(MismatchError) as error:
            separate(stereo, "needy")
        assert len(error.value.reasons) == 4
        assert "shares" in error.value.alternatives

    def test_needs_that_are_met(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        options = {"f0": {"a": self.F0}, "weights": tmp_path, "sources": ["a"]}
        assert list(separate(stereo, "needy", score=self.SCORE, **options)) == ["a"]
        self.SCORE.write(tmp_path / "score.mid")
        assert list(separate(stereo, "needy", score=tmp_path / "score.mid", **options)) == ["a"]

    def test_what_nobody_uses_is_told(self, separate: Separate, stereo: Audio) -> None:
        given: dict[str, Any] = {"score": self.SCORE, "f0": {"a": self.F0}, "examples": {"a": stereo}}
        told = separate(stereo, "shares", sources=["a"], references={"a": stereo}, **given).provenance.remarks
        words = ("set of examples", "F0", "set of true stems", "score")
        assert {f"the {word} made no difference: method 'shares' has no use for it" for word in words} <= set(told)

    def test_what_nobody_uses_takes_no_work(self, separate: Separate, stereo: Audio) -> None:
        assert separate(stereo, "shares", sources=["a"], score=self.SCORE).provenance.alignment is None
        assert separate(stereo, "peeks", sources=["a"], score=self.SCORE).provenance.alignment is not None

    def test_notes_that_were_heard_in_a_recording_stay_where_they_are_in_it(
        self, separate: Separate, stereo: Audio, tmp_path: Path
    ) -> None:
        """Also after they were a file; in another recording they are compared with it."""
        heard = separate(stereo, "peeks", sources=["a"], score=self.SCORE).provenance.inputs["mixture"]
        replace(self.SCORE, heard_in=heard).write(tmp_path / "heard.mid")
        another = Audio(-stereo.samples, stereo.sample_rate)
        for mixture, stays in ((stereo, True), (another, False)):
            separation = separate(mixture, "peeks", sources=["a"], score=tmp_path / "heard.mid")
            assert (separation.provenance.alignment is None) == stays

    def test_a_method_is_told_what_its_spec_names(self, separate: Separate, stereo: Audio) -> None:
        given: dict[str, Any] = {"f0": {"a": self.F0}, "examples": {"a": stereo}, "references": {"a": stereo}}

        class Cheating(MixtureConsistency):
            """Knows the truth, which is no reason to tell the method."""

            needs: ClassVar[frozenset[str]] = frozenset({"references"})

        for constraints in ([], [Cheating()]):
            separation = separate(stereo, "peeks", sources=["a"], constraints=constraints, **given)
            assert "told of examples, f0" in separation.provenance.remarks

    def test_what_a_statement_uses_is_used(self, separate: Separate, stereo: Audio) -> None:
        class Informed(MixtureConsistency):
            """The same, for whoever knows F0 or a score."""

            needs: ClassVar[frozenset[str]] = frozenset({"f0|score"})

        told = separate(stereo, "shares", sources=["a"], score=self.SCORE, constraints=[Informed()])
        assert not [remark for remark in told.provenance.remarks if "made no difference" in remark]

    def test_score_that_is_missing(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        with pytest.raises(SideInformationError, match="no such score"):
            separate(stereo, score=tmp_path / "score.mid")

    @pytest.mark.parametrize(("keep_length", "start_s"), [(False, 0.05), (True, 0.3)])
    def test_labels_are_in_the_time_of_what_comes_back(
        self, separate: Separate, stereo: Audio, keep_length: bool, start_s: float
    ) -> None:
        labels = Labels((Label(0.3, 0.4, "a"),))
        asked: dict[str, Any] = {"sources": ["a", "b"], "labels": labels, "start_s": 0.25, "keep_length": keep_length}
        [label] = all_labels(separate(stereo, **asked).labels)
        assert (label.start_s, label.end_s) == pytest.approx((start_s, start_s + 0.1))

    def test_a_statement_on_waveforms_knows_true_stems_at_the_rate_of_the_recording(
        self, registry: Registry, stereo: Audio
    ) -> None:
        rates = []

        class Seen(MixtureConsistency):
            needs: ClassVar[frozenset[str]] = frozenset({"references"})

            def bind(self, layout: Layout, domain: Domain) -> Any:
                rates.append((layout.mixture.sample_rate, layout.side_information.references["a"].sample_rate))
                return super().bind(layout, domain)

        references = {"a": stereo, "b": stereo}
        asked: dict[str, Any] = {"sources": ["a", "b"], "references": references, "constraints": [Seen()]}
        sepkit.separate(stereo, "shares-mono-16000", registry=registry, **asked)
        assert rates[-1] == (8000, 8000)


class TestProvenance:
    def test_says_how_the_stems_came_about(self, separate: Separate, noise: NoiseOf) -> None:
        separation = separate(noise(2, 4000), config={"shares": (0.5,)}, sources=["a", "b"], seed=7, device="cpu")
        record = separation.provenance
        assert (record.method, record.seed, record.device) == ("shares", 7, "cpu")
        assert record.config == {"shares": [0.5]}
        assert (record.sample_rate, record.channels, record.samples) == (8000, 2, 4000)
        known = {"python": platform.python_version(), "sepkit": sepkit.__version__, "numpy": np.__version__}
        assert record.versions.items() >= known.items()
        assert record.plugin == {"name": None, "distribution": None, "version": None}
        assert record.seconds >= 0

    def test_holds_defaults_that_were_used(self, separate: Separate, stereo: Audio) -> None:
        assert separate(stereo).provenance.config == {"shares": [0.25, 0.75]}

    def test_holds_traces(self, separate: Separate, stereo: Audio) -> None:
        assert separate(stereo, "steps", config={"total": 3}).provenance.traces == {"steps": [0.0, 1.0, 2.0]}

    def test_is_strict_json(self, separate: Separate, stereo: Audio) -> None:
        separation = separate(
            stereo,
            "faulty",
            config={"fault": "infinite trace"},
            constraints=["mixture-consistency"],
            sources=["ä", "b"],
        )
        record = separation.provenance.as_dict()
        again = json.loads(json.dumps(record, allow_nan=False))
        assert again["sources"] == ["ä", "b"]
        assert again["traces"] == {"cost": [1.0, None, None]}

    def test_is_enough_to_repeat_the_run(self, separate: Separate, stereo: Audio) -> None:
        first = separate(stereo, "noise", seed=3)
        record = first.provenance.as_dict()
        again = separate(stereo, record["method"], config=record["config"], seed=record["seed"])
        np.testing.assert_array_equal(again["second"].samples, first["second"].samples)
