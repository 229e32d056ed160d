"""The result: named stems, what is left over, and how they came about."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sepkit.errors import ConfigError, SepkitError
from sepkit.music.audio import Audio
from sepkit.music.encoding import read_tags
from sepkit.music.labels import Labels, all_labels
from sepkit.music.score import Score
from sepkit.problem.domain import Domain
from sepkit.problem.found_notes import found_notes
from sepkit.problem.run import Writable
from sepkit.problem.variables import Variables
from sepkit.solving.naming import PLAIN, FileNames
from sepkit.solving.outputs import Outputs
from sepkit.solving.provenance import Provenance
from sepkit.solving.stems import Stems
from sepkit.solving.writing import Written, write_result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NAMES, _LONGEST_NAME = 8, 20


@dataclass(frozen=True, eq=False, repr=False)
class Separation(Stems):
    """Stems by name, in the order asked for, aligned sample by sample with the mixture.

    Attributes
    ----------
    mixture : Audio
    stems : mapping of str to Audio
    provenance : Provenance
    variables : Variables or None
        The method's own variables, such as templates and activations, if it was asked to keep them.
    uncertainty : mapping of str to Audio
        The standard deviation of every sample of every stem; empty unless the method knows it.
    learned : Writable or None
        Weights that the method learned from the mixture; `write` puts them into the folder, which serves as weights.
    labels : tuple of Labels
        What a listener said of the mixture; `plot` draws them.

    Examples
    --------
    >>> separation = sepkit.separate("song.wav", "nmf", sources=["voice", "guitar"])  # doctest: +SKIP
    >>> separation["voice"].write("voice.wav")  # doctest: +SKIP
    >>> separation.write("out")  # doctest: +SKIP
    """

    provenance: Provenance
    variables: Variables | None = None
    uncertainty: Mapping[str, Audio] = field(default_factory=dict)
    learned: Writable | None = None
    labels: tuple[Labels, ...] = ()

    def __repr__(self) -> str:
        names = [repr(one if len(one) <= _LONGEST_NAME else one[: _LONGEST_NAME - 1] + "…") for one in self.sources]
        stems = ", ".join(names[:_MOST_NAMES] + ["…"][: len(names) > _MOST_NAMES])
        count = len(self.provenance.remarks)
        remarks = f", {count} remark{'s'[: count - 1]}" if count else ""
        return f"Separation({len(names)} stems: {stems} by {self.provenance.method!r} of {self.mixture}{remarks})"

    def _repr_html_(self) -> str:
        """A mixer, for notebooks."""
        from sepkit.plots.mixer import mixer_html

        return mixer_html(self.mixture, self.stems)

    @property
    def score(self) -> Score:
        """The notes that the method found, one part a source.

        Where the method knew no score they were heard in the mixture, and are known to be: they are not moved in it.
        Those of a region have its times.

        Raises
        ------
        SepkitError
            If the method kept no activations of pitches.
        """
        variables = self.variables
        layout = variables.layout if variables else None
        pitched = layout is not None and any(atom.pitch is not None for atom in layout.atoms or ())
        if variables is None or not pitched or Domain.ACTIVATIONS not in variables.values:
            raise SepkitError(
                f"method '{self.provenance.method}' kept no activations of pitches to read notes from: separate with "
                "keep_variables=True, by a method that finds notes"
            )
        inputs = self.provenance.inputs
        # A score may be wrong, and the times of a region that begins later are its own.
        elsewhere = "score" in inputs or self.provenance.given.get("start_s")
        heard_in = None if elsewhere else inputs.get("mixture")
        return replace(found_notes(variables.layout, variables.values[Domain.ACTIVATIONS]), heard_in=heard_in)

    def plot(self) -> Figure:
        """Draw spectrograms of mixture, stems and an audible residual, the soft masks that the stems imply, the cost.

        Where the method knows its uncertainty, a third column shows it. Labels are drawn over the spectrograms.

        Returns
        -------
        figure : matplotlib.figure.Figure
            Notebooks show it inline; ``figure.savefig("separation.png")`` keeps it.

        Raises
        ------
        SepkitError
            If matplotlib is not installed.

        Examples
        --------
        >>> separation.plot()  # doctest: +SKIP
        """
        from sepkit.plots.separation import plot_separation

        return plot_separation(
            self.mixture,
            self.stems,
            traces=self.provenance.traces,
            uncertainty=self.uncertainty,
            agreement_db=self.provenance.agreement_db,
            labels=all_labels(self.labels),
        )

    def plot_factors(self) -> Figure:
        """Draw templates and activations of a factorisation, coloured by source, and the onsets of the score.

        Returns
        -------
        figure : matplotlib.figure.Figure
            As of `plot`.

        Raises
        ------
        SepkitError
            If none were kept, or matplotlib is not installed.

        Examples
        --------
        >>> separation = sepkit.separate("a.wav", "score-nmf", score="a.mid", keep_variables=True)  # doctest: +SKIP
        >>> separation.plot_factors()  # doctest: +SKIP
        """
        from sepkit.plots.factors import plot_factors

        variables = self.variables
        if variables is None or not {Domain.TEMPLATES, Domain.ACTIVATIONS} <= set(variables.values):
            raise SepkitError(
                f"method '{self.provenance.method}' kept no templates and activations to draw: separate with "
                "keep_variables=True, by a method that factorises"
            )
        layout = variables.layout
        assert layout.bins_hz is not None
        assert layout.frames_s is not None
        return plot_factors(
            variables.values[Domain.TEMPLATES],
            variables.values[Domain.ACTIVATIONS],
            atoms=layout.atoms or (),
            bins_hz=layout.bins_hz,
            frames_s=layout.frames_s,
            duration_s=self.mixture.duration_s,
            notes=layout.side_information.score.notes if layout.side_information.score else (),
        )

    def write(
        self,
        folder: str | os.PathLike[str],
        *,
        only: Iterable[str] = (),
        without: Iterable[str] = (),
        gains_db: Mapping[str, float] | None = None,
        variables: bool = False,
        score: bool = False,
        picture: bool = False,
        format: str = "wav",
        subtype: str | None = None,
        too_loud: str = "refuse",
        name: str = PLAIN,
    ) -> dict[str, Path]:
        """Write ``<source>.wav`` for every stem and ``separation.json``; the folder changes only when all are written.

        The uncertainty of a stem, where it is known, goes to ``uncertainty/<source>.wav``. What the record of an
        earlier result here lists is removed, and nothing else. The record moves last and holds the SHA-256 of every
        file, so that where there is one, the result is that it tells of; `sepkit.repeat` makes it again. Title, artist
        and the like that the mixture's file tells are kept.

        Parameters
        ----------
        folder : path
            Made when it does not exist. Names of sources never lead out of it.
        only, without : iterable of str
            Stems to write in place of all; stems for each of which the mixture without it is to be written.
        gains_db : mapping of str to float, optional
            As of `remix`, which is then written too.
        variables : bool
            Write the method's variables to ``variables.npz``, for `read_variables` and methods that start from them.
        score : bool
            Write the notes that the method found, those of `score`, to ``score.mid``.
        picture : bool
            Write the picture that `plot` draws to ``separation.png``.
        format, subtype : str
            ``"wav"`` (``"FLOAT"``, ``"PCM_16"``, ``"PCM_24"``), ``"flac"`` (``"PCM_24"``, ``"PCM_16"``), ``"ogg"``,
            ``"mp3"``, or ``"npy"`` for arrays that can be mapped. Where integers lose bits, there is dither.
        too_loud : {'refuse', 'scale'}
            What is done about sound above full scale in a format that ends there: nothing is written, or all files are
            made softer by one factor. It is never clipped.
        name : str
            Names of the files: with ``song_{source}.{ext}`` the record is ``song_separation.json``.

        Returns
        -------
        files : dict of str to Path
            The file of every stem, or of every output.

        Raises
        ------
        ConfigError
            If there is no stem of a name, no variables were kept, or there is no such format.
        AudioError
            If sound is above full scale, or the format does not know its rate.
        SepkitError
            If a picture is wanted and matplotlib is not installed.
        WriteError
        """
        chosen = Outputs(
            only=tuple(only),
            without=tuple(without),
            gains_db=dict(gains_db or {}),
            variables=variables,
            score=score,
            picture=picture,
            format=format,
            subtype=subtype,
            too_loud=too_loud,
        )
        return self.write_outputs(Path(folder), chosen, name=name).files

    def write_outputs(
        self, folder: Path, outputs: Outputs, *, name: str = PLAIN, request: str | None = None
    ) -> Written:
        """As `write`; the record also holds the digest of the request that this is the result of."""
        if outputs.variables and self.variables is None:
            raise ConfigError(
                f"method '{self.provenance.method}' kept no variables to write: separate with keep_variables=True, by "
                "a method that has some, such as a factorisation"
            )
        record = {**self.provenance.as_dict(), "outputs": outputs.as_dict(), "request": request}
        origin = self.mixture.origin
        return write_result(
            folder,
            FileNames(name),
            self.chosen(outputs),
            encoding=outputs.encoding,
            scales=outputs.too_loud == "scale",
            tags=read_tags(origin.path) if origin and origin.path else {},
            uncertainty=self.uncertainty,
            variables=self.variables if outputs.variables else None,
            score=self.score if outputs.score else None,
            picture=self.plot() if outputs.picture else None,
            learned=self.learned,
            record=record,
        )
