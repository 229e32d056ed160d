"""Hooks of sepkit-classical."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1

_VOICE = ("vocals", "accompaniment")
_SHARED = frozenset({"gain-equivariant", "sums-to-mixture"})


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="rpca",
        summary="voice and accompaniment apart by robust PCA: the band is of low rank, the voice is sparse",
        reference="P.-S. Huang, S. D. Chen, P. Smaragdis, M. Hasegawa-Johnson, Singing-voice separation from monaural "
        "recordings using robust principal component analysis, ICASSP 2012",
        factory="sepkit_classical.rpca:RPCA",
        config="sepkit_classical.config:RPCAConfig",
        sources=_VOICE,
        traits=_SHARED,
        example={"window_s": 0.023},
    )
    yield SeparatorSpec(
        name="melody",
        summary="lead voice and accompaniment apart: a source-filter model at the voice's F0, found or given",
        reference="J.-L. Durrieu, B. David, G. Richard, A musically motivated mid-level representation for pitch "
        "estimation and musical audio source separation, IEEE JSTSP 5(6), 2011",
        factory="sepkit_classical.melody:Melody",
        config="sepkit_classical.config:MelodyConfig",
        uses=("f0",),
        sources=_VOICE,
        traits=_SHARED | {"stochastic"},
        example={"window_s": 0.023, "rank": 5, "updates": 5},
    )
    yield SeparatorSpec(
        name="rpca-melody",
        summary="voice and accompaniment apart by robust PCA and the partials of the melody, found or given",
        reference="Y. Ikemiya, K. Itoyama, K. Yoshii, Singing voice separation and vocal F0 estimation based on mutual "
        "combination of robust principal component analysis and subharmonic summation, IEEE/ACM TASLP 24(11), 2016",
        factory="sepkit_classical.rpca_melody:RPCAMelody",
        config="sepkit_classical.config:RPCAMelodyConfig",
        uses=("f0",),
        sources=_VOICE,
        traits=_SHARED,
        example={"window_s": 0.023},
    )
    yield SeparatorSpec(
        name="ensemble",
        summary="stems of the same names by several installed methods, combined by mean, weights or median",
        reference="S. Uhlich et al., Improving music source separation based on deep neural networks through data "
        "augmentation and network blending, ICASSP 2017",
        factory="sepkit_classical.ensemble:Ensemble",
        config="sepkit_classical.config:EnsembleConfig",
        uses=("examples", "f0", "labels", "score"),
        default_constraints=("activity", "regions"),
        traits=frozenset({"gain-equivariant"}),
        example={"members": [{"method": "rpca-melody"}, {"method": "ft2d", "weight": 2}]},
    )
    yield SeparatorSpec(
        name="repet",
        summary="voice and accompaniment apart: the band repeats with a period, the voice does not",
        reference="Z. Rafii, B. Pardo, Repeating pattern extraction technique (REPET): a simple method for music/voice "
        "separation, IEEE TASLP 21(1), 2013",
        factory="sepkit_classical.repet:REPET",
        config="sepkit_classical.config:REPETConfig",
        sources=_VOICE,
        traits=_SHARED,
        example={"window_s": 0.023},
    )
    yield SeparatorSpec(
        name="repet-sim",
        summary="voice and accompaniment apart: the band returns to what it played before; also online",
        reference="Z. Rafii, B. Pardo, Music/voice separation using the similarity matrix, ISMIR 2012",
        factory="sepkit_classical.repet_sim:REPETSIM",
        config="sepkit_classical.config:REPETSIMConfig",
        sources=_VOICE,
        traits=_SHARED,
        example={"window_s": 0.023},
    )
    yield SeparatorSpec(
        name="ft2d",
        summary="voice and accompaniment apart: repetition makes peaks in the spectrogram's 2D Fourier transform",
        reference="P. Seetharaman, F. Pishdadian, B. Pardo, Music/voice separation using the 2D Fourier transform, "
        "WASPAA 2017",
        factory="sepkit_classical.ft2d:FT2D",
        config="sepkit_classical.config:FT2DConfig",
        sources=_VOICE,
        traits=_SHARED,
        example={"window_s": 0.023},
    )
    yield SeparatorSpec(
        name="centre",
        summary="what both channels of a stereo recording have alike, and all else",
        reference="C. Avendano, J.-M. Jot, A frequency-domain approach to multichannel upmix, JAES 52(7/8), 2004",
        factory="sepkit_classical.centre:Centre",
        config="sepkit_classical.config:CentreConfig",
        needs=("stereo",),
        channels=2,
        sources=("centre", "sides"),
        traits=_SHARED,
        example={"window_s": 0.023},
    )
    yield SeparatorSpec(
        name="duet",
        summary="sources apart by the level and the delay between two channels",
        reference="Ö. Yılmaz, S. Rickard, Blind separation of speech mixtures via time-frequency masking, IEEE TSP "
        "52(7), 2004",
        factory="sepkit_classical.duet:DUET",
        config="sepkit_classical.config:DUETConfig",
        needs=("stereo",),
        channels=2,
        traits=_SHARED | {"arbitrary-names"},
        example={"window_s": 0.023},
    )
    yield SeparatorSpec(
        name="projet",
        summary="sources apart by how they are panned in stereo, seen in many projections of both channels",
        reference="D. Fitzgerald, A. Liutkus, R. Badeau, PROJET: spatial audio separation using projections, ICASSP "
        "2016",
        factory="sepkit_classical.projet:PROJET",
        config="sepkit_classical.config:PROJETConfig",
        needs=("stereo",),
        channels=2,
        traits=_SHARED | {"arbitrary-names"},
        example={"window_s": 0.023, "iterations": 10, "updates": 3},
    )
    yield SeparatorSpec(
        name="hpss",
        summary="harmonic and percussive sounds apart, by median filters or kernel additive modelling",
        reference="D. Fitzgerald, Harmonic/percussive separation using median filtering, DAFx 2010; J. Driedger, M. "
        "Müller, S. Disch, Extending harmonic-percussive separation of audio signals, ISMIR 2014",
        factory="sepkit_classical.hpss:HPSS",
        config="sepkit_classical.config:HPSSConfig",
        sources=("harmonic", "percussive", "residual"),
        traits=_SHARED | {"streams"},
        example={"window_s": 0.023, "harmonic_s": 0.1, "percussive_hz": 300.0},
    )
