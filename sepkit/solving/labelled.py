"""Labels that callers give: read where they give paths, and compared with the mixture that they are to be of."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from sepkit.errors import MismatchError, SideInformationError
from sepkit.music.audio import Audio
from sepkit.music.labels import Label, Labels, all_labels
from sepkit.problem.statement import Hosted, Statement

GivenLabels = Labels | str | os.PathLike[str]

_EDGE_S = 0.05
"""How near to both ends of the recording a label counts as all of it."""
_STATEMENTS = {"spans": "activity", "boxes": "regions"}


def labels_given(given: GivenLabels | Iterable[GivenLabels]) -> tuple[Labels, ...]:
    """The labels, read where they are paths.

    Raises
    ------
    SideInformationError
        If they cannot be read, or are something else.
    """
    several = [given] if isinstance(given, (Labels, str, os.PathLike)) or not isinstance(given, Iterable) else given
    return tuple(map(_one, several))


def _one(given: GivenLabels) -> Labels:
    if isinstance(given, Labels):
        return given
    if isinstance(given, (str, os.PathLike)):
        return Labels.read(Path(given))
    raise SideInformationError(
        f"labels needs to be Labels, a path, or several of them, given {type(given).__name__}; write "
        "Labels([Label(start_s, end_s, 'sax')])"
    )


def checked_labels(
    given: tuple[Labels, ...], mixture: Audio, method: str, hosted: Iterable[Hosted[Statement]]
) -> tuple[str, ...]:
    """What the user ought to know of labels beside a mixture, one sentence each.

    Parameters
    ----------
    given : tuple of Labels
    mixture : Audio
    method : str
    hosted : iterable of Hosted
        The statements that the method hosts.

    Raises
    ------
    SideInformationError
        If those of a source all lie outside the recording, or a band lies above all that it can hold.
    MismatchError
        If they say nothing, because every one of them is about the whole of the recording.
    """
    labels = all_labels(given)
    if not labels:
        return ()
    outside = [label for label in labels if label.start_s >= mixture.duration_s or label.end_s <= 0]
    for source in dict.fromkeys(label.source for label in labels):
        own = [label for label in labels if label.source == source]
        if all(label in outside for label in own):
            raise SideInformationError(
                f"the labels of '{source}' lie outside the recording of {mixture.duration_s:.1f} s, the first at "
                f"{own[0].start_s:.1f} s; give those of this recording"
            )
    highest_hz = mixture.sample_rate / 2
    above = next((label for label in labels if (label.low_hz or 0) >= highest_hz), None)
    if above is not None:
        raise SideInformationError(
            f"the label '{above.text}' at {above.start_s:.2f} s lies above {highest_hz:.0f} Hz, where a recording at "
            f"{mixture.sample_rate} Hz holds nothing; lower its band"
        )
    whole = list(_of_everything(labels, mixture))
    if len(whole) == len(labels):
        are, say = _in_number(whole, whole[0].text)
        raise MismatchError(
            method,
            (
                f"{are} about the whole recording and {say} nothing of it: mark when or where the source sounds and "
                "the others do not",
            ),
        )
    return (
        *(remark for one in given for remark in one.remarks),
        *_remarks(labels, outside, whole, mixture),
        *_unused(labels, method, {one.statement.name for one in hosted}),
    )


def _unused(labels: tuple[Label, ...], method: str, statements: Collection[str]) -> Iterator[str]:
    for kind, are_spans in (("spans", True), ("boxes", False)):
        statement = _STATEMENTS[kind]
        if statement not in statements and any(label.is_span == are_spans for label in labels):
            yield f"the {kind} of the labels made no difference: method '{method}' needs the constraint '{statement}'"


def _of_everything(labels: tuple[Label, ...], mixture: Audio) -> Iterator[Label]:
    """Those of all frequencies of which some, of one source and one text, cover all of the recording together."""
    of_all_bands = [
        label
        for label in labels
        if not label.absent and not label.low_hz and (label.high_hz is None or label.high_hz >= mixture.sample_rate / 2)
    ]
    for text in dict.fromkeys(label.text for label in of_all_bands):
        alike = sorted((label for label in of_all_bands if label.text == text), key=lambda label: label.start_s)
        reached_s = _EDGE_S
        for label in alike:
            if label.start_s <= reached_s:
                reached_s = max(reached_s, label.end_s)
        if reached_s >= mixture.duration_s - _EDGE_S:
            yield from alike


def _in_number(whole: list[Label], text: str) -> tuple[str, str]:
    several = sum(label.text == text for label in whole) > 1
    return (f"the labels '{text}' together are", "say") if several else (f"the label '{text}' is", "says")


def _remarks(labels: tuple[Label, ...], outside: list[Label], whole: list[Label], mixture: Audio) -> Iterator[str]:
    of_all = f"of {len(labels)} labels"
    if outside:
        yield (
            f"{len(outside)} {of_all} lie outside the recording of {mixture.duration_s:.1f} s, the first at "
            f"{outside[0].start_s:.1f} s, and make no difference"
        )
    for text in dict.fromkeys(label.text for label in whole):
        are, say = _in_number(whole, text)
        yield f"{are} about the whole recording, and so {say} nothing of when or where it sounds"
    within = [label for label in labels if label not in outside and label not in whole]
    beyond = sum(label.end_s > mixture.duration_s + _EDGE_S for label in within)
    if beyond:
        yield f"{beyond} {of_all} reach beyond the recording's end at {mixture.duration_s:.1f} s"
