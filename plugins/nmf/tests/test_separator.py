"""The separator as users meet it: through `sepkit.separate`."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit
from plugins.nmf.tests.sounds import QUICK, RATE
from sepkit import Audio, Progress, large
from sepkit.builtin import Sparsity
from sepkit.errors import AudioError, ConfigError, MismatchError, SideInformationError


def sdr(reference: Audio, estimate: Audio) -> float:
    error = np.sum((reference.samples - estimate.samples) ** 2)
    return float(10 * np.log10(np.sum(reference.samples**2) / error))


def test_templates_learned_from_examples_separate(
    mixture: Audio, stems: dict[str, Audio], examples: dict[str, Path]
) -> None:
    separation = sepkit.separate(mixture, "nmf", sources=["noise", "tone"], config=QUICK, examples=examples)
    assert separation.sources == ("noise", "tone")
    for name, stem in stems.items():
        assert sdr(stem, separation[name]) > sdr(stem, mixture) + 8


def test_names_of_examples_are_the_sources_when_none_are_asked_for(mixture: Audio, examples: dict[str, Path]) -> None:
    assert sepkit.separate(mixture, "nmf", config=QUICK, examples=examples).sources == ("tone", "noise")


def test_a_source_without_example_gets_free_templates(
    mixture: Audio, stems: dict[str, Audio], examples: dict[str, Path]
) -> None:
    known = {"tone": examples["tone"]}
    separation = sepkit.separate(mixture, "nmf", sources=["tone", "rest"], config={**QUICK, "rank": 6}, examples=known)
    assert sdr(stems["noise"], separation["rest"]) > sdr(stems["noise"], mixture) + 3


def test_a_folder_of_examples_is_one_example(mixture: Audio, examples: dict[str, Path], tmp_path: Path) -> None:
    Audio.read(examples["tone"]).write(tmp_path / "a.wav")
    Audio.read(examples["tone"]).write(tmp_path / "b.flac")
    (tmp_path / "README.md").write_text("not audio")
    given = {"tone": tmp_path, "noise": examples["noise"]}
    whole = sepkit.separate(mixture, "nmf", config=QUICK, examples=given)
    parts = {"tone": [tmp_path / "a.wav", Audio.read(tmp_path / "b.flac")], "noise": Audio.read(examples["noise"])}
    listed = sepkit.separate(mixture, "nmf", config=QUICK, examples=parts)
    assert whole.sources == listed.sources == ("tone", "noise")
    np.testing.assert_array_equal(whole["tone"].samples, listed["tone"].samples)
    assert whole.provenance.inputs == listed.provenance.inputs


def test_blind_separation_groups_atoms(mixture: Audio, stems: dict[str, Audio]) -> None:
    separation = sepkit.separate(mixture, "nmf", sources=["a", "b"], config={**QUICK, "rank": 6})
    pairs = [[sdr(stem, estimate) - sdr(stem, mixture) for estimate in separation.values()] for stem in stems.values()]
    assert max(pairs[0][0] + pairs[1][1], pairs[0][1] + pairs[1][0]) / 2 > 5


def test_without_sources_every_atom_is_a_stem(mixture: Audio) -> None:
    separation = sepkit.separate(mixture, "nmf", config={**QUICK, "rank": 3})
    assert separation.sources == ("component-1", "component-2", "component-3")
    np.testing.assert_allclose(separation.residual.samples, 0, atol=1e-4)


@pytest.mark.parametrize(
    "options", [{"beta": 2}, {"beta": 0, "init": "nndsvd"}, {"solver": "mu"}, {"precision": "float64"}]
)
def test_every_kind_of_factorisation_runs(mixture: Audio, options: dict[str, Any]) -> None:
    separation = sepkit.separate(mixture, "nmf", sources=["a", "b"], config={**QUICK, "rank": 4, **options})
    cost = separation.provenance.traces["cost"]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in itertools.pairwise(cost))


def test_stereo_in_stereo_out(mixture: Audio, stems: dict[str, Audio], examples: dict[str, Path]) -> None:
    panned = np.concatenate([mixture.samples, stems["noise"].samples * 0.5 + stems["tone"].samples])
    separation = sepkit.separate(Audio(panned, RATE), "nmf", config=QUICK, examples=examples)
    assert separation["tone"].channels == 2
    quieter = np.sqrt(np.mean(separation["noise"].samples ** 2, axis=1))
    assert quieter[1] / quieter[0] == pytest.approx(0.5, abs=0.1)


def test_gain_goes_through(mixture: Audio) -> None:
    options: dict[str, Any] = {"sources": ["a", "b"], "config": {**QUICK, "rank": 4}, "priors": [Sparsity(weight=1)]}
    plain = sepkit.separate(mixture, "nmf", **options)
    loud = sepkit.separate(Audio(mixture.samples * 8, RATE), "nmf", **options)
    np.testing.assert_allclose(loud["a"].samples, plain["a"].samples * 8, atol=2e-3)


@pytest.mark.parametrize("samples", [np.zeros((1, 4000)), np.ones((1, 1)), np.zeros((2, 1))])
def test_silence_and_single_samples_survive(samples: NDArray[np.float64]) -> None:
    separation = sepkit.separate(Audio(samples, RATE), "nmf", sources=["a", "b"])
    total = sum(stem.samples for stem in separation.values()) + separation.residual.samples
    np.testing.assert_allclose(total, samples, atol=1e-6)


def test_same_seed_same_bytes_and_threads_agree(mixture: Audio) -> None:
    method = sepkit.Method("nmf", config={**QUICK, "rank": 4})

    def stem(seed: int) -> bytes:
        return method.separate(mixture, sources=["a", "b"], seed=seed)["a"].samples.tobytes()

    alone = [stem(1), stem(2)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(stem, [1, 2])) == alone
    assert alone[0] != alone[1]


@pytest.mark.parametrize("options", [{}, {"beta": 2}, {"beta": 0.5}, {"init": "nndsvd"}])
def test_arrays_that_are_mapped_from_files_give_the_same_bytes(mixture: Audio, options: dict[str, Any]) -> None:
    def separated() -> list[bytes]:
        found = sepkit.separate(mixture, "nmf", sources=["a", "b"], config={**QUICK, **options}, priors=[Sparsity()])
        return [stem.samples.tobytes() for stem in found.values()]

    in_memory = separated()
    with large.mapped_beyond(0):
        assert separated() == in_memory


def test_cancelling_stops_within_one_iteration(mixture: Audio) -> None:
    cancel, seen = threading.Event(), list[Progress]()

    def report(progress: Progress) -> None:
        seen.append(progress)
        if progress.stage == "factorise" and progress.done == 3:
            cancel.set()

    with pytest.raises(sepkit.Cancelled):
        sepkit.separate(mixture, "nmf", config={**QUICK, "tolerance": 0}, reporter=report, cancel=cancel)
    assert seen[-1].done == 3


def test_given_templates_can_stay_fixed(mixture: Audio, tmp_path: Path) -> None:
    stft = sepkit.spectral.STFT.of_duration(QUICK["window_s"], 4, RATE)
    templates = np.random.default_rng(0).random((stft.bins, 3))
    np.savez(tmp_path / "start.npz", templates=templates)
    options = {**QUICK, "start": tmp_path / "start.npz", "fix": "templates"}
    assert len(sepkit.separate(mixture, "nmf", config=options)) == 3


@pytest.mark.parametrize(
    ("config", "sources", "error", "words"),
    [
        ({"rank": 0}, [], ConfigError, "rank"),
        ({"rnak": 3}, [], ConfigError, "no option 'rnak'"),
        ({"solver": "hals", "beta": 1}, [], ConfigError, "hals needs beta 2"),
        ({"solver": "mue", "beta": 0}, [], ConfigError, "mue needs beta from 1 to 2"),
        ({"rank": 1}, ["a", "b"], ConfigError, "rank of at least 2"),
        ({"rank": 40}, [], ConfigError, "name the sources"),
        ({"start": "nowhere.npz"}, [], ConfigError, "nowhere.npz"),
        ({"fix": "templates"}, [], ConfigError, "fix=templates needs templates: give examples"),
        ({"fix": "activations"}, [], ConfigError, "fix=activations"),
    ],
)
def test_options_that_cannot_be_used_are_named(
    mixture: Audio, config: dict[str, Any], sources: list[str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        sepkit.separate(mixture, "nmf", sources=sources, config={**QUICK, **config})


@pytest.mark.parametrize(
    ("examples", "error", "words"),
    [
        ({"a": "nowhere.wav"}, AudioError, "nowhere.wav"),
        ({"a": Audio(np.zeros((1, 1000)), RATE)}, SideInformationError, "example of source 'a' is silent"),
        ({"a": []}, SideInformationError, "example of source 'a' is silent"),
        ({"a": 3}, SideInformationError, "needs to be Audio or a path, given int"),
        ({"a": [np.zeros(5)]}, SideInformationError, r"given ndarray; write Audio\(samples, sample_rate\)"),
        ("drums.wav", SideInformationError, "needs to map names of sources to recordings, given str"),
        ({"c": Audio(np.ones((1, 1000)), RATE)}, SideInformationError, "'c', which is not among the sources a, b"),
    ],
)
def test_examples_that_cannot_be_used_are_named(
    mixture: Audio, examples: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        sepkit.separate(mixture, "nmf", sources=["a", "b"], config=QUICK, examples=examples)


def test_examples_at_another_rate_and_in_stereo_are_those_of_the_mixture(
    mixture: Audio, stems: dict[str, Audio], examples: dict[str, Path]
) -> None:
    heard = {name: Audio.read(path).resample(3 * RATE) for name, path in examples.items()}
    stereo = {name: Audio(np.concatenate([one.samples, one.samples]), 3 * RATE) for name, one in heard.items()}
    separation = sepkit.separate(mixture, "nmf", config=QUICK, examples=stereo)
    for name, stem in stems.items():
        assert sdr(stem, separation[name]) > sdr(stem, mixture) + 7


def test_examples_and_a_start_contradict_each_other(mixture: Audio, examples: dict[str, Path], tmp_path: Path) -> None:
    np.savez(tmp_path / "start.npz", templates=np.ones((3, 2)))
    with pytest.raises(ConfigError, match="either learned from examples or given by start"):
        sepkit.separate(mixture, "nmf", config={"start": tmp_path / "start.npz"}, examples=examples)


def test_a_damaged_start_is_refused(mixture: Audio, tmp_path: Path) -> None:
    (tmp_path / "start.npz").write_bytes(b"PK\x03\x04 truncated")
    with pytest.raises(ConfigError, match=r"cannot read .*start\.npz"):
        sepkit.separate(mixture, "nmf", config={"start": tmp_path / "start.npz"})
    np.savez(tmp_path / "start.npz", templates=np.ones((3, 2)))
    with pytest.raises(ConfigError, match="needs shape"):
        sepkit.separate(mixture, "nmf", config={"start": tmp_path / "start.npz"})


def test_a_gpu_is_a_mismatch(mixture: Audio) -> None:
    with pytest.raises(MismatchError, match="cannot use device 'cuda'"):
        sepkit.separate(mixture, "nmf", device="cuda")
