"""Hooks of what comes with sepkit: priors, constraints, baselines and oracles, metrics, datasets."""

from collections.abc import Iterator

from sepkit.plugin import ConstraintSpec, DatasetSpec, Domain, MetricSpec, PriorSpec, SeparatorSpec, hookimpl

SEPKIT_API = 1

_VIRTANEN = (
    "T. Virtanen, Monaural sound source separation by nonnegative matrix factorization with temporal continuity and "
    "sparseness criteria, IEEE TASLP 15(3), 2007"
)
_DURRIEU = (
    "J.-L. Durrieu, G. Richard, B. David, C. Févotte, Source/filter model for unsupervised main melody extraction from "
    "polyphonic audio signals, IEEE TASLP 18(3), 2010"
)
_EWERT = "S. Ewert, M. Müller, Using score-informed constraints for NMF-based source separation, ICASSP 2012"
_VINCENT_ORACLE = (
    "E. Vincent, R. Gribonval, M. D. Plumbley, Oracle estimators for the benchmarking of source separation, 2007"
)
_LE_ROUX = "J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, SDR - half-baked or well done?, ICASSP 2019"
_STOETER = "F.-R. Stöter, A. Liutkus, N. Ito, The 2018 signal separation evaluation campaign, LVA/ICA 2018"


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="mixture",
        summary="baseline: every stem is the mixture as it is",
        factory="sepkit.builtin.baseline:MixtureAsEstimate",
        reference="none: what every method has to beat",
        needs=("sources",),
        traits=frozenset({"gain-equivariant", "yardstick"}),
    )
    yield SeparatorSpec(
        name="silence",
        summary="baseline: every stem is silent",
        factory="sepkit.builtin.baseline:Silence",
        reference="none: what every method has to beat",
        needs=("sources",),
        traits=frozenset({"gain-equivariant", "yardstick"}),
    )
    yield SeparatorSpec(
        name="harmonic-comb",
        summary="baseline: masks around the partials of notes or of F0",
        factory="sepkit.builtin.comb:HarmonicComb",
        config="sepkit.builtin.comb:HarmonicCombConfig",
        reference="Z. Duan, B. Pardo, Soundprism, IEEE JSTSP 5(6), 2011",
        needs=("score|f0",),
        traits=frozenset({"gain-equivariant", "yardstick"}),
    )
    yield SeparatorSpec(
        name="ideal-ratio-mask",
        summary="oracle: masks in the ratio of the true stems' magnitudes",
        factory="sepkit.builtin.oracle:IdealRatioMask",
        config="sepkit.builtin.oracle:MaskConfig",
        reference=_VINCENT_ORACLE,
        needs=("references",),
        traits=frozenset({"gain-equivariant", "yardstick"}),
    )
    yield SeparatorSpec(
        name="ideal-binary-mask",
        summary="oracle: every bin goes to the loudest true stem",
        factory="sepkit.builtin.oracle:IdealBinaryMask",
        config="sepkit.builtin.oracle:MaskConfig",
        reference=_VINCENT_ORACLE,
        needs=("references",),
        traits=frozenset({"gain-equivariant", "yardstick"}),
    )
    yield SeparatorSpec(
        name="ideal-wiener-filter",
        summary="oracle: multichannel Wiener filter of the true stems",
        factory="sepkit.builtin.oracle:IdealWienerFilter",
        config="sepkit.builtin.oracle:MaskConfig",
        reference="A. Liutkus, R. Badeau, Generalized Wiener filtering with fractional power spectrograms, ICASSP 2015",
        needs=("references",),
        traits=frozenset({"gain-equivariant", "yardstick"}),
    )


@hookimpl
def sepkit_priors() -> Iterator[PriorSpec]:
    yield PriorSpec(
        name="sparsity",
        summary="few activations are large at a time",
        factory="sepkit.builtin:Sparsity",
        reference=_VIRTANEN,
        domains=(Domain.ACTIVATIONS,),
    )
    yield PriorSpec(
        name="continuity",
        summary="activations change slowly over time",
        factory="sepkit.builtin:Continuity",
        reference=_VIRTANEN,
        domains=(Domain.ACTIVATIONS,),
    )
    yield PriorSpec(
        name="harmonic-templates",
        summary="partials of pitched atoms fall as one over their number",
        factory="sepkit.builtin:HarmonicTemplates",
        reference=_EWERT,
        domains=(Domain.TEMPLATES,),
    )
    yield PriorSpec(
        name="lobes",
        summary="partials of atoms are as narrow as the window's lobe",
        factory="sepkit.builtin:Lobes",
        reference="F. J. Harris, On the use of windows for harmonic analysis with the DFT, Proc. IEEE 66(1), 1978",
        domains=(Domain.TEMPLATES,),
    )
    yield PriorSpec(
        name="smooth-f0",
        summary="F0 changes slowly over time",
        factory="sepkit.builtin:SmoothF0",
        reference=_DURRIEU,
        domains=(Domain.F0,),
    )
    yield PriorSpec(
        name="near-score",
        summary="F0 stays near the notes of a score",
        factory="sepkit.builtin:NearScore",
        reference=_DURRIEU,
        needs=("score",),
        domains=(Domain.F0,),
    )


@hookimpl
def sepkit_constraints() -> Iterator[ConstraintSpec]:
    yield ConstraintSpec(
        name="mixture-consistency",
        summary="the stems sum to the mixture",
        factory="sepkit.builtin:MixtureConsistency",
        reference="S. Wisdom et al., Differentiable consistency constraints for improved deep speech enhancement, 2019",
        domains=(Domain.WAVEFORMS,),
    )
    yield ConstraintSpec(
        name="score",
        summary="a source sounds only where the partials of its notes lie",
        factory="sepkit.builtin:ScoreConstraint",
        reference=_EWERT,
        needs=("score",),
        domains=(Domain.ACTIVATIONS, Domain.SPECTROGRAMS),
    )
    yield ConstraintSpec(
        name="harmonic",
        summary="templates of pitched atoms are zero between partials",
        factory="sepkit.builtin:HarmonicConstraint",
        reference=_EWERT,
        domains=(Domain.TEMPLATES,),
    )
    yield ConstraintSpec(
        name="activity",
        summary="a source is silent outside its labelled spans",
        factory="sepkit.builtin:Activity",
        reference="S. Ewert, M. Sandler, Structured dropout for weak label and multi-instance learning, ICASSP 2017",
        needs=("labels",),
        domains=(Domain.ACTIVATIONS, Domain.SPECTROGRAMS, Domain.WAVEFORMS),
    )
    yield ConstraintSpec(
        name="regions",
        summary="a source has most of a labelled box's energy, or none",
        factory="sepkit.builtin:Regions",
        reference="N. J. Bryan, G. J. Mysore, An efficient posterior regularized latent variable model for interactive "
        "sound source separation, ICML 2013",
        needs=("labels",),
        domains=(Domain.SPECTROGRAMS, Domain.WAVEFORMS),
    )


@hookimpl
def sepkit_metrics() -> Iterator[MetricSpec]:
    yield MetricSpec(
        name="sdr",
        summary="plain signal-to-distortion ratio",
        factory="sepkit.evaluation.metrics.energy:SDR",
        figures=("SDR",),
    )
    yield MetricSpec(
        name="si-sdr",
        summary="scale-invariant SDR, SIR and SAR",
        factory="sepkit.evaluation.metrics.energy:SISDR",
        reference=_LE_ROUX,
        figures=("SI-SDR", "SI-SIR", "SI-SAR"),
    )
    yield MetricSpec(
        name="bss-eval",
        summary="BSS Eval v4 in frames of one second, as for MUSDB18",
        factory="sepkit.evaluation.metrics.bss_eval:BSSEval",
        reference=_STOETER,
        figures=("BSS-SDR", "BSS-ISR", "BSS-SIR", "BSS-SAR"),
    )


@hookimpl
def sepkit_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="example",
        summary="bundled: flute, cello and drums; the hands of a pianist",
        factory="sepkit.evaluation.datasets.example:BundledExample",
    )
    yield DatasetSpec(
        name="folder",
        summary="one folder a track with a file for every stem",
        factory="sepkit.evaluation.datasets.folder:Folder",
    )
    yield DatasetSpec(
        name="musdb18",
        summary="MUSDB18(-HQ): vocals, drums, bass, other of 150 songs",
        factory="sepkit.evaluation.datasets.musdb18:MUSDB18",
        reference="Z. Rafii et al., The MUSDB18 corpus for music separation, 2017",
        extra="sepkit[musdb]",
        modules=("musdb",),
        programs=("ffmpeg", "ffprobe"),
    )
    yield DatasetSpec(
        name="bach10",
        summary="ten chorales: violin, clarinet, saxophone, bassoon",
        factory="sepkit.evaluation.datasets.bach10:Bach10",
        reference="Z. Duan, B. Pardo, Soundprism, IEEE JSTSP 5(6), 2011",
    )
    yield DatasetSpec(
        name="urmp",
        summary="URMP: 44 classical pieces, duets to quintets",
        factory="sepkit.evaluation.datasets.urmp:URMP",
        reference="B. Li et al., Creating a multitrack classical music performance dataset, IEEE TMM 21(2), 2019",
    )
    yield DatasetSpec(
        name="choral-singing",
        summary="sixteen singers of three choral pieces, as quartets",
        factory="sepkit.evaluation.datasets.choral:ChoralSinging",
        reference="H. Cuesta et al., Analysis of intonation in unison choir singing, ICMPC 2018",
    )
    yield DatasetSpec(
        name="rendered",
        summary="MIDI files rendered with a soundfont, one stem a part",
        factory="sepkit.evaluation.datasets.rendered:Rendered",
        programs=("fluidsynth",),
    )
    yield DatasetSpec(
        name="toy-waveforms",
        summary="random sine, square, saw and triangle waves",
        factory="sepkit.evaluation.datasets.toy:ToyWaveforms",
        reference="M. Frank, M. Ilse, Problems using deep generative models for probabilistic audio source separation",
    )
