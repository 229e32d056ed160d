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
from sepkit.problem.problem import Problem
from sepkit.problem.run import Cancel, Reporter, Run, checked_seed
from sepkit.solving.account import provenance_of
from sepkit.solving.adaptation import Adaptation
from sepkit.solving.agreement import agreement_db
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
from sepkit.solving.telling import remarks_on_result
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
    ) -> Separation:
        """Separate one mixture; the parameters are those of `sepkit.separate`."""
        started, reporter = time.perf_counter(), reporter_of(reporter)
        run = Run(
            seed=checked_seed(seed),
            device=self.device,
            reporter=reporter,
            cancel=cancel,
            keep_variables=keep_variables,
        )
        mixture = audio_given(mixture, "mixture")
        names = sources_given(sources)
        given = side_given(score, f0, examples, references, labels_given(labels), mixture)
        require_asked_for(given, names)
        hosted_priors, hosted_constraints = negotiate(
            self.spec,
            self.config,
            Task(
                given=given.kinds
                | ({"weights"} if self._own_weights else set())
                | ({"sources"} if names else set())
                | ({"stereo"} if mixture.channels == 2 else set()),
                priors=declared_priors(priors, self.registry),
                constraints=declared_constraints(constraints, self.registry),
                device=self.device,
                sources=names,
            ),
            self.registry,
        )
        hosted = (*hosted_priors, *hosted_constraints)
        on_labels = checked_labels(given.labels, mixture, self.spec.name, hosted)
        options = {self.spec.name: self.config, **{one.label: one.statement for one in hosted}}
        inputs = digest_inputs(mixture, given) | digest_paths(options)
        came_from = origins(mixture, given, self.weights, options)
        in_vain = given.kinds - used(self.spec, hosted) - {"labels"}
        heard, given = given.labels, given.only(used(self.spec, hosted))
        with plugin_faults(self.spec):
            self._once(functools.partial(self._load, reporter, cancel))
            rate = self._separator.sample_rate or self.spec.sample_rate
            known = self._separator.sources or self.spec.sources
            some = "selective" in self.spec.traits and not hosted
        run.check_cancelled()
        strange = [name for name in names if known and name not in known]
        if strange:
            reason = f"its weights know {', '.join(known)} and not {', '.join(strange)}: name the sources like them"
            raise MismatchError(self.spec.name, (reason,))
        if any(prior.domain == Domain.WAVEFORMS for prior in hosted_priors):
            # They speak of the mixture as it is, in place of the weights that want another rate.
            rate = self.spec.sample_rate
        fit = None
        if given.score is not None:
            here = given.score.heard_in == inputs["mixture"]
            fit = fitted(mixture, given.score, align, reporter, cancel, heard=here)
        region = Region.of(mixture, start_s, end_s)
        whole, mixture = mixture, region.mixture(mixture)
        adaptation = Adaptation.between(mixture, rate, self.spec.channels)
        given = region.known(replace(given, score=fit.score if fit else None), whole)
        adapted = adaptation.side_information(given)
        problem = Problem(
            adaptation.adapted(),
            names if names and some else known or names,
            adapted.only(self.spec.side_information),
            hosted_priors,
            hosted_constraints,
            for_statements=adapted,
        )
        run.remarks += [*on_labels, *told_unused(in_vain, f"method '{self.spec.name}' has no use for it")]
        # Now and not at the end: whatever becomes of the files in the meantime, the result is that of these.
        weights = self.weights_used + weights_of_priors((prior.statement for prior in hosted_priors), self.registry)
        hosts_waveforms = Domain.WAVEFORMS in self.spec.constraints
        with run:
            run.check_cancelled()
            with plugin_faults(self.spec):
                if problem.sources and not hosts_waveforms:  # What cannot be bound is told before any work is done.
                    problem.bind_constraints(problem.layout(), Domain.WAVEFORMS)
                stems = dict(self._separator.separate(problem, run))
            check_stems(self.spec, problem, stems)
            check_violations(self.spec, problem, run, hosted_outside=not hosts_waveforms)
            stems = adaptation.restored(stems, run)
            uncertainty = adaptation.restored_uncertainty(run.uncertainty)
            # The way back to the mixture's rate and channels can break what the method itself had satisfied.
            if not hosts_waveforms or adaptation.steps:
                with plugin_faults(self.spec):
                    stems = project_waveforms(replace(problem, mixture=mixture, for_statements=given), stems, run)
            if names:
                stems = {name: stems[name] for name in names}
        for remark in remarks_on_result(self.spec, mixture, names, stems, run):
            run.remark(remark)
        uncertainty = {name: uncertainty[name] for name in stems if name in uncertainty}
        agreement = agreement_db(stems, uncertainty)
        if keep_length:
            stems, uncertainty = region.kept_length(stems, whole), region.kept_length(uncertainty, whole)
            mixture = whole
        else:
            heard = region.known(SideInformation(labels=heard), whole).labels
        asked = {"sources": list(names), "align": align, "start_s": start_s, "end_s": end_s, "keep_length": keep_length}
        provenance = replace(
            provenance_of(
                self.spec,
                self.config,
                weights,
                self.registry,
                mixture,
                problem,
                run,
                adaptation,
                fit,
                tuple(stems),
            ),
            seconds=round(time.perf_counter() - started, 3),
            inputs=inputs,
            given={**asked, **came_from},
            agreement_db=agreement,
        )
        return Separation(mixture, stems, provenance, run.variables, uncertainty, run.learned, heard)

    def _load(self, reporter: Reporter | None, cancel: Cancel | None) -> None:
        require_unchanged(self.weights, self.spec)
        _ = self.weights_used
        # A run of its own: which separation happens to come first must not change any of them.
        with Run(device=self.device, reporter=reporter, cancel=cancel) as run:
            self._separator.load(self.weights, run)
