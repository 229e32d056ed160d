"""What is separated on the page of every method, and which of its options are turned there."""

from __future__ import annotations

from dataclasses import dataclass, field
from json import dumps
from typing import Any


@dataclass(frozen=True)
class Setting:
    """A way to separate: what differs from the first one of its experiment."""

    told: str
    config: dict[str, Any] = field(default_factory=dict)
    statements: dict[str, list[str]] = field(default_factory=dict)
    method: str | None = None
    given: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Experiment:
    """A recording and the settings by which it is separated, the first one in full."""

    method: str
    recording: str
    given: tuple[str, ...] = ()
    """Of ``score``, ``f0``, ``examples``, ``references``."""
    sources: tuple[str, ...] | None = None
    """Names to ask for; None for those of the stems, empty for none."""
    named: bool = True
    """Whether stems come with names; if not, they get those under which they measure best."""
    config: dict[str, Any] = field(default_factory=dict)
    """Of all settings."""
    turned: tuple[Setting, ...] = ()


def _turned(why: str = "", /, **config: Any) -> Setting:
    """Options that are turned, told as such, and why."""
    options = ", ".join(
        f"`{name}={value if isinstance(value, str) else dumps(value)}`" for name, value in config.items()
    )
    return Setting(f"{options}: {why}" if why else options, config)


EXPERIMENTS = {
    "nmf": Experiment(
        "nmf",
        "trio",
        ("examples",),
        turned=(
            _turned("two templates a source", rank=2),
            _turned("Euclidean distance", beta=2),
            _turned("Itakura-Saito", beta=0),
            _turned(mask_exponent=2),
            Setting("without examples: blind", given=()),
        ),
    ),
    "score-nmf": Experiment(
        "score-nmf",
        "piano",
        ("score",),
        turned=(
            _turned(shared_envelope=0.05),
            _turned(transients=True),
            _turned(mask_exponent=1),
            Setting("`--constraint harmonic:cents=200`", statements={"constraints": ["harmonic:cents=200"]}),
            Setting(
                "`--constraint score:before_s=1,after_s=1`", statements={"constraints": ["score:before_s=1,after_s=1"]}
            ),
            Setting("`score-nmf-tutorial`", method="score-nmf-tutorial"),
        ),
    ),
    "nae": Experiment(
        "nae",
        "piano",
        ("score",),
        turned=(
            _turned(rule="projected"),
            _turned(rule="relu"),
            _turned(beta=2),
            _turned(rule="relu", context_frames=2),
        ),
    ),
    "flow-sgld": Experiment(
        "flow-sgld",
        "waves",
        turned=(
            Setting("one step at the lowest level", {"levels": 1, "steps": 1}),
            Setting("`start=noise`, ladder from 1", {"start": "noise", "highest": 1.0, "levels": 5, "steps": 8}),
            Setting(
                "`--prior diffusion`, `start=noise`, `sampler=gibbs`",
                {"start": "noise", "sampler": "gibbs", "levels": 20, "highest": 10.0, "lowest": 0.02, "steps": 1},
                statements={"priors": ["diffusion"]},
            ),
        ),
    ),
    "source-filter": Experiment(
        "source-filter",
        "choir",
        ("f0",),
        turned=(
            _turned("F0 as it was given", f0_rounds=0),
            _turned("the nonnegative start alone", steps=0),
            Setting("`harmonic-comb`: nothing is fitted", method="harmonic-comb"),
        ),
    ),
    "sparse-pursuit": Experiment(
        "sparse-pursuit",
        "duo",
        named=False,
        config={"starts": 1, "iterations": 120, "settle": 40},
        turned=(_turned(resynthesis="tones"),),
    ),
    "beurling-lasso": Experiment("beurling-lasso", "duo", ("examples",), config={"iterations": 100, "settle": 40}),
    "policy-unet": Experiment(
        "policy-unet",
        "duo",
        named=False,
        config={"imitation": 40, "steps": 10, "starts": 1, "iterations": 75, "settle": 25},
    ),
    "melody": Experiment(
        "melody",
        "song",
        turned=(
            Setting("with the true F0: `--f0 vocals.csv`", given=("f0",)),
            _turned(mask="binary"),
        ),
    ),
    "repet": Experiment(
        "repet",
        "song",
        turned=(
            _turned(adaptive=True),
            Setting("`repet-sim`", method="repet-sim"),
            Setting("`ft2d`", method="ft2d"),
            _turned(mask="binary"),
        ),
    ),
    "rpca": Experiment(
        "rpca",
        "song",
        turned=(
            Setting("`rpca-melody`", method="rpca-melody"),
            Setting("`rpca-melody` with the true F0", method="rpca-melody", given=("f0",)),
        ),
    ),
    "hpss": Experiment(
        "hpss",
        "tones_and_drums",
        turned=(
            _turned("and a residual", separation_factor=2),
            _turned(mask="binary"),
            _turned(iterations=5),
            _turned(window_s=0.19),
        ),
    ),
    "projet": Experiment(
        "projet",
        "panned",
        named=False,
        turned=(Setting("`duet`", method="duet"),),
    ),
    "centre": Experiment("centre", "centred"),
    "ensemble": Experiment(
        "ensemble",
        "song",
        config={"members": [{"method": "melody"}, {"method": "repet"}]},
        turned=(
            Setting("`melody` counts twice", {"members": [{"method": "melody", "weight": 2}, {"method": "repet"}]}),
        ),
    ),
    "nmfd": Experiment(
        "nmfd",
        "drums",
        ("examples",),
        turned=(
            Setting("and the score", given=("examples", "score")),
            Setting("the score alone", given=("score",)),
            Setting("both, `restore=5`", {"restore": 5}, given=("examples", "score")),
            _turned(adapt="fixed"),
        ),
    ),
    "mosaic": Experiment(
        "mosaic",
        "theme",
        ("examples",),
        sources=(),
        turned=(_turned(polyphony=3), _turned(continuity=0)),
    ),
    "interleaved": Experiment("interleaved", "drums_and_more", turned=(_turned(post_filter="none"),)),
    "ideal-ratio-mask": Experiment(
        "ideal-ratio-mask",
        "piano",
        ("references",),
        turned=(
            Setting("`ideal-binary-mask`", method="ideal-binary-mask"),
            Setting("`ideal-wiener-filter`", method="ideal-wiener-filter"),
            Setting("`harmonic-comb`", method="harmonic-comb", given=("score",)),
            Setting("`mixture`", method="mixture", given=()),
        ),
    ),
}
