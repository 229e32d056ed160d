"""The comfortable side: `Method`, which is loaded once for any number of recordings."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sepkit.alignment.fitting import Aligning, fitted
from sepkit.config import Config, validate
from sepkit.errors import MismatchError
from sepkit.music.audio import Audio
from sepkit.music.examples import Example
from sepkit.music.f0 import F0Track
from sepkit.music.score import Score
from sepkit.music.side import SideInformation
from sepkit.plugin.registry import Registry
from sepkit.plugin.store import chosen_weights, require_unchanged
from sepkit.problem.constraint import Constraint
from sepkit.problem.domain import Domain
from sepkit.problem.prior import Prior
from sepkit.problem.run import Cancel, Reporter, Run, checked_seed
from sepkit.solving.account import provenance_of
from sepkit.solving.agreement import agreement_db
from sepkit.solving.asked import Asked, Posed
from sepkit.solving.contract import check_stems, check_violations, plugin_faults
from sepkit.solving.declare import declared_constraints, declared_priors
from sepkit.solving.digests import digest_inputs, digest_paths
from sepkit.solving.given import Pathlike, audio_given, require_asked_for, side_given, sources_given
from sepkit.solving.labelled import GivenLabels, checked_labels, labels_given
from sepkit.solving.negotiation import Task, negotiate, told_unused, used
from sepkit.solving.notebook import Reporting, reporter_of
from sepkit.solving.once import Once
from sepkit.solving.origins import origins
from sepkit.solving.region import Region
from sepkit.solving.separation import Separation
from sepkit.solving.separator import Separator
from sepkit.solving.telling import remarks_on_known, remarks_on_result
from sepkit.solving.waveforms import project_waveforms
from sepkit.solving.weights_used import weights_of_priors, weights_used


class Method:
    """A configured method, ready for any number of mixtures and safe to share between threads.

    Parameters
    ----------
    name : str
    config : Config or mapping, optional
    weights : path or str, optional
        Folder or file of trained weights, or the name of published ones.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` ...
    registry : Registry, optional
        By default one with all installed plugins.

    Raises
    ------
    UnknownNameError, ConfigError, PluginError, WeightsError

    Examples
    --------
    >>> method = sepkit.Method("nmf", config={"beta": 1})  # doctest: +SKIP
    >>> for path in recordings:  # doctest: +SKIP
    ...     method.separate(path, sources=["voice", "guitar"]).write(path.stem)
    """

    def __init__(
        self,
        name: str,
        *,
        config: Config | Mapping[str, Any] | None = None,
        weights: Pathlike | None = None,
        device: str = "auto",
        registry: Registry | None = None,
    ) -> None:
        self.registry = registry or Registry.discover()
        self.spec = self.registry.separator(name)
        self.config: Config = validate(self.spec.load_config(), config, f"method '{name}'")
        self.device = device
        self.weights = chosen_weights(weights, self.spec)
        self._own_weights = weights is not None
        with plugin_faults(self.spec):
            self._separator: Separator[Any] = self.spec.load()(self.config)
        self._once = Once()

    @functools.cached_property
    def weights_used(self) -> tuple[dict[str, Any], ...]:
        """What is known of the weights, as of `weights_used`; taken once, at the latest when they are loaded.

        Raises
        ------
        ConfigError
            If they cannot be read.
        """
        return weights_used(self.spec, self.weights, (), self.registry)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of its stems where they are the same for every mixture, once it is loaded; empty where they are not."""
        with plugin_faults(self.spec):
            return self._separator.sources or self.spec.sources

    @property
    def parameters(self) -> int:
        """Number of trained parameters of the method, known once it has separated."""
        return self._separator.parameters

    def separate(
        self,
        mixture: Audio | Pathlike,
        *,
        sources: Iterable[str] = (),
        score: Score | Pathlike | None = None,
        f0: Mapping[str, F0Track | Pathlike] | None = None,
        examples: Mapping[str, Example | Iterable[Example]] | None = None,
        references: Mapping[str, Audio | Pathlike] | None = None,
        labels: GivenLabels | Iterable[GivenLabels] = (),
        priors: Iterable[Prior | str] = (),
        constraints: Iterable[Constraint | str] = (),
        align: Aligning = "auto",
        start_s: float = 0.0,
        end_s: float | None = None,
        keep_length: bool = False,
        seed: int = 0,
        reporter: Reporting | None = None,
        cancel: Cancel | None = None,
        keep_variables: bool = False,
        within: Run | None = None,
    ) -> Separation:
        """Separate one mixture.

        The parameters are those of `sepkit.separate`, and ``within``: a run of which this separation is a part. It is
        cancelled with that run, whose host sees its progress, and reads what the method itself remarks.
        """
        started, reporter = time.perf_counter(), reporter_of(reporter)
        if within is not None:
            reporter, cancel = within.reporter_within(self.spec.name), within.cancel
        run = Run(
            seed=checked_seed(seed),
            device=self.device,
            reporter=reporter,
            cancel=cancel,
            keep_variables=keep_variables,
            registry=self.registry,
        )
        recording = audio_given(mixture, "mixture")
        asked = self._asked(
            recording,
            Region.of(recording, start_s, end_s),
            sources_given(sources),
            side_given(score, f0, examples, references, labels_given(labels), recording),
            declared_priors(priors, self.registry),
            declared_constraints(constraints, self.registry),
        )
        self.load(reporter, cancel)
        run.check_cancelled()
        posed = self._posed(asked, align, reporter, cancel)
        known = (*asked.remarks, *remarks_on_known(posed.known, recording))
        run.remarks += known
        # Now and not at the end: whatever becomes of the files in the meantime, the result is that of these.
        weights = self.weights_used + weights_of_priors((prior.statement for prior in asked.priors), self.registry)
        with run:
            stems = self._solved(posed, run)
            uncertainty = posed.adaptation.restored_uncertainty(run.uncertainty)
        if within is not None:
            within.remark_within(self.spec.name, run.remarks[len(known) :])
        mixture, labels = posed.original.mixture, asked.labels
        stems = {name: stems[name] for name in asked.sources or stems}
        uncertainty = {name: uncertainty[name] for name in stems if name in uncertainty}
        for remark in remarks_on_result(self.spec, mixture, asked.sources, stems, run):
            run.remark(remark)
        agreement = agreement_db(stems, uncertainty)
        if keep_length:
            stems, uncertainty = (asked.region.kept_length(kept, recording) for kept in (stems, uncertainty))
            mixture = recording
        else:
            labels = asked.region.known(SideInformation(labels=labels), recording).labels
        where = {"sources": list(asked.sources), "align": align, "start_s": start_s, "end_s": end_s}
        provenance = replace(
            provenance_of(self.spec, self.config, weights, self.registry, mixture, posed, run, tuple(stems)),
            seconds=round(time.perf_counter() - started, 3),
            inputs=asked.inputs,
            given={**where, "keep_length": keep_length, **asked.origins},
            agreement_db=agreement,
        )
        return Separation(mixture, stems, provenance, run.variables, uncertainty, run.learned, labels)

    def _asked(
        self,
        recording: Audio,
        region: Region,
        sources: tuple[str, ...],
        given: SideInformation,
        priors: tuple[Prior, ...],
        constraints: tuple[Constraint, ...],
    ) -> Asked:
        """What is asked for, negotiated and compared with the recording; what cannot be is refused."""
        require_asked_for(given, sources)
        there = {"weights": self._own_weights, "sources": bool(sources), "stereo": recording.channels == 2}
        task = Task(
            given=given.kinds | {kind for kind, is_there in there.items() if is_there},
            priors=priors,
            constraints=constraints,
            device=self.device,
            sources=sources,
        )
        hosted_priors, hosted_constraints = negotiate(self.spec, self.config, task, self.registry)
        hosted = (*hosted_priors, *hosted_constraints)
        useful = used(self.spec, hosted)
        in_vain = given.kinds - useful - {"labels"}
        options = {self.spec.name: self.config, **{one.label: one.statement for one in hosted}}
        return Asked(
            recording=recording,
            region=region,
            sources=sources,
            known=given.only(useful),
            labels=given.labels,
            priors=hosted_priors,
            constraints=hosted_constraints,
            remarks=(
                *checked_labels(given.labels, recording, self.spec.name, hosted),
                *told_unused(in_vain, f"method '{self.spec.name}' has no use for it"),
            ),
            inputs=digest_inputs(recording, given) | digest_paths(options),
            origins=origins(recording, given, self.weights, options),
        )

    def load(self, reporter: Reporter | None = None, cancel: Cancel | None = None) -> None:
        """Load the weights, which the first separation would do otherwise.

        Raises
        ------
        WeightsError, PluginError, Cancelled
        """
        with plugin_faults(self.spec):
            self._once(functools.partial(self._load, reporter, cancel))

    def _load(self, reporter: Reporter | None, cancel: Cancel | None) -> None:
        require_unchanged(self.weights, self.spec)
        _ = self.weights_used
        # A run of its own: which separation happens to come first must not change any of them.
        with Run(device=self.device, reporter=reporter, cancel=cancel, registry=self.registry) as run:
            self._separator.load(self.weights, run)

    def _posed(self, asked: Asked, align: Aligning, reporter: Reporter | None, cancel: Cancel | None) -> Posed:
        """The problem, at the rate and with the names that the loaded weights have."""
        with plugin_faults(self.spec):
            rate = self._separator.sample_rate or self.spec.sample_rate
        known = self.sources
        strange = [name for name in asked.sources if known and name not in known]
        if strange:
            if self.weights is not None:
                reason = f"its weights know {', '.join(known)} and not {', '.join(strange)}: name the sources like them"
            else:
                reason = f"with these options it separates into {', '.join(known)} and not into {', '.join(strange)}"
            raise MismatchError(self.spec.name, (reason,))
        if on_waveforms := [prior.statement for prior in asked.priors if prior.domain == Domain.WAVEFORMS]:
            # They speak of the mixture in place of the weights, which may want another rate.
            rate = self.spec.sample_rate or self._rate_of(on_waveforms)
        fit = None
        if asked.known.score is not None:
            here = asked.known.score.heard_in == asked.inputs["mixture"]
            fit = fitted(asked.recording, asked.known.score, align, reporter, cancel, heard=here)
        some = "selective" in self.spec.traits and not asked.priors and not asked.constraints
        return Posed.of(asked, self.spec, asked.sources if some else known or asked.sources, rate, fit)

    def _rate_of(self, priors: Iterable[Prior]) -> int | None:
        """The rate that priors on waveforms want."""
        rates = {prior.sample_rate: prior.name for prior in priors}
        wanted = {rate: name for rate, name in rates.items() if rate is not None}
        if len(wanted) > 1:
            each = " and ".join(f"prior '{name}' for {rate} Hz" for rate, name in wanted.items())
            raise MismatchError(self.spec.name, (f"one mixture has one sample rate, given {each}: keep one",))
        return next(iter(wanted), None)

    def _solved(self, posed: Posed, run: Run) -> dict[str, Audio]:
        """The method's stems, found to be what it promised, at the recording's rate and with its channels."""
        hosts_waveforms = Domain.WAVEFORMS in self.spec.constraints
        run.check_cancelled()
        with plugin_faults(self.spec):
            if posed.problem.sources and not hosts_waveforms:  # What cannot be bound is told before any work is done.
                posed.problem.bind_constraints(posed.problem.layout(), Domain.WAVEFORMS)
            stems = dict(self._separator.separate(posed.problem, run))
        check_stems(self.spec, posed.problem, stems)
        check_violations(self.spec, posed.problem, run, hosted_outside=not hosts_waveforms)
        stems = posed.adaptation.restored(stems, run)
        # The way back to the recording's rate and channels can break what the method itself had satisfied.
        if not hosts_waveforms or posed.adaptation.steps:
            with plugin_faults(self.spec):
                stems = project_waveforms(posed.original, stems, run)
        return stems
