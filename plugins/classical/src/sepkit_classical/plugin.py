"""Hooks of sepkit-classical."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


def _filtering(name: str, solver: str, *, traits: tuple[str, ...] = (), **more: Any) -> SeparatorSpec:
    """Of a method that filters the mixture by masks; module, class and the class of its options are named alike."""
    return SeparatorSpec(
        name=name,
        factory=f"sepkit_classical.{name.replace('-', '_')}:{solver}",
        config=f"sepkit_classical.config:{solver}Config",
        traits=frozenset({"gain-equivariant", "streams", "sums-to-mixture", *traits}),
        example={"window_s": 0.046, **more.pop("example", {})},
        **more,
    )


_voice = partial(_filtering, sources=("vocals", "accompaniment"))
_stereo = partial(_filtering, needs=("stereo",), channels=2)


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield _voice(
        "rpca",
        "RPCA",
        summary="voice and band apart by robust PCA: low rank and sparse",
        reference="P.-S. Huang, S. D. Chen, P. Smaragdis, M. Hasegawa-Johnson, Singing-voice separation from monaural "
        "recordings using robust principal component analysis, ICASSP 2012",
        example={"iterations": 3},
    )
    yield _voice(
        "melody",
        "Melody",
        summary="lead voice and band apart: source-filter model at its F0",
        reference="J.-L. Durrieu, B. David, G. Richard, A musically motivated mid-level representation for pitch "
        "estimation and musical audio source separation, IEEE JSTSP 5(6), 2011",
        uses=("f0",),
        traits=("stochastic",),
        example={"overlap": 4, "rank": 5, "updates": 3, "iterations": 3},
    )
    yield _voice(
        "rpca-melody",
        "RPCAMelody",
        summary="voice and band apart: robust PCA and partials of F0",
        reference="Y. Ikemiya, K. Itoyama, K. Yoshii, Singing voice separation and vocal F0 estimation based on mutual "
        "combination of robust principal component analysis and subharmonic summation, IEEE/ACM TASLP 24(11), 2016",
        uses=("f0",),
        example={"iterations": 3},
    )
    yield SeparatorSpec(
        name="ensemble",
        summary="stems of several methods combined: mean, weights, median",
        reference="S. Uhlich et al., Improving music source separation based on deep neural networks through data "
        "augmentation and network blending, ICASSP 2017",
        factory="sepkit_classical.ensemble:Ensemble",
        config="sepkit_classical.config:EnsembleConfig",
        uses=("examples", "f0", "labels", "score"),
        default_constraints=("activity", "regions"),
        traits=frozenset({"gain-equivariant", "streams"}),
        example={
            "members": [
                {"method": "rpca-melody", "config": {"iterations": 3, "window_s": 0.046}},
                {"method": "ft2d", "weight": 2},
            ]
        },
    )
    yield _voice(
        "repet",
        "REPET",
        summary="voice and band apart: the band repeats with a period",
        reference="Z. Rafii, B. Pardo, Repeating pattern extraction technique (REPET): a simple method for music/voice "
        "separation, IEEE TASLP 21(1), 2013",
    )
    yield _voice(
        "repet-sim",
        "REPETSIM",
        summary="voice and band apart: the band returns to what it played",
        reference="Z. Rafii, B. Pardo, Music/voice separation using the similarity matrix, ISMIR 2012",
        example={"frames": 5, "span_s": 5},
    )
    yield _voice(
        "ft2d",
        "FT2D",
        summary="voice and band apart: peaks of a 2D Fourier transform",
        reference="P. Seetharaman, F. Pishdadian, B. Pardo, Music/voice separation using the 2D Fourier transform, "
        "WASPAA 2017",
    )
    yield _stereo(
        "centre",
        "Centre",
        summary="what both channels have alike, and all else",
        reference="C. Avendano, J.-M. Jot, A frequency-domain approach to multichannel upmix, JAES 52(7/8), 2004",
        sources=("centre", "sides"),
    )
    yield _stereo(
        "duet",
        "DUET",
        summary="sources apart by level and delay between the channels",
        reference="Ö. Yılmaz, S. Rickard, Blind separation of speech mixtures via time-frequency masking, IEEE TSP "
        "52(7), 2004",
        traits=("arbitrary-names",),
    )
    yield _stereo(
        "projet",
        "PROJET",
        summary="sources apart by their panning, seen in projections",
        reference="D. Fitzgerald, A. Liutkus, R. Badeau, PROJET: spatial audio separation using projections, ICASSP "
        "2016",
        traits=("arbitrary-names",),
        example={"projections": 4, "iterations": 10, "updates": 2},
    )
    yield _filtering(
        "hpss",
        "HPSS",
        summary="harmonic and percussive sounds apart by medians",
        reference="D. Fitzgerald, Harmonic/percussive separation using median filtering, DAFx 2010; J. Driedger, M. "
        "Müller, S. Disch, Extending harmonic-percussive separation of audio signals, ISMIR 2014",
        sources=("harmonic", "percussive", "residual"),
        example={"harmonic_s": 0.1, "percussive_hz": 300.0},
    )
