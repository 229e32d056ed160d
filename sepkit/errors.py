"""The errors that sepkit raises, and the exit code that the command line gives each.

::

    SepkitError                    anything that sepkit raises on purpose         exit 1
    ├── UserError                  the caller can mend it                         exit 2
    │   ├── AudioError             a file or a request that does not lead to usable audio
    │   │   └── SamplesError       samples in memory that are not usable audio
    │   ├── SideInformationError   a score or F0 track that cannot be used
    │   ├── DatasetError           a dataset that is not where it was said to be, or damaged
    │   ├── ConfigError            an option that does not exist or is out of bounds
    │   ├── UnknownNameError       no such method, prior, constraint or plugin
    │   ├── MismatchError          method and problem do not fit; lists every reason
    │   ├── VacuousError           a statement that can say nothing of the variable at hand
    │   ├── WeightsError           missing or damaged weights
    │   └── OutputError            a place that cannot be written to
    ├── WriteError                 the disk failed while writing (full, gone)
    ├── PluginError                a plugin is broken or breaks the contract
    └── Cancelled                  the host asked to stop                         exit 3

Every message is one line: what was given, what was wanted, what to do. It has at most 300
characters, but for the list of all mismatches.
"""

from __future__ import annotations

import re
from typing import ClassVar

LONGEST_MESSAGE = 300

_LINE_BREAK = re.compile(r"\s*[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def one_line(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """`text` as one line for a terminal: no line breaks, no control characters, its middle left out if it is long.

    The beginning says what was given and the end what to do, so both stay.
    """
    line = _LINE_BREAK.sub(" ", text.strip())
    line = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), line)
    if len(line) <= longest:
        return line
    head = (longest - 5) * 2 // 3
    return f"{line[:head]} ... {line[head + 5 - longest :]}"


def reason_of(error: BaseException) -> str:
    """What an error says of itself in one line, and its kind when it says nothing."""
    longest = error.longest if isinstance(error, SepkitError) else LONGEST_MESSAGE
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return one_line(text, longest) or type(error).__name__


def fault_of(error: BaseException) -> str:
    """The kind of an error, and what it says of itself if it says anything, in one line."""
    kind, reason = type(error).__name__, reason_of(error)
    return kind if reason == kind else one_line(f"{kind}: {reason}")


class SepkitError(Exception):
    """Base of everything that sepkit raises on purpose; its message is made one line of at most 300 characters."""

    exit_code: ClassVar[int] = 1
    longest: ClassVar[int] = LONGEST_MESSAGE

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(one_line(given, self.longest) if isinstance(given, str) else given for given in arguments))


class UserError(SepkitError):
    """Something that the caller gave and can mend."""

    exit_code = 2


class AudioError(UserError):
    """A file or a request that does not lead to usable audio."""


class SamplesError(AudioError):
    """Samples in memory that are not usable audio: one-dimensional, empty, of integers, NaN."""


class SideInformationError(UserError):
    """A score or an F0 track that cannot be used."""


class DatasetError(UserError):
    """A dataset that is not where it was said to be, or that cannot be used as asked."""


class ConfigError(UserError):
    """An option that does not exist or whose value is out of bounds."""


class UnknownNameError(UserError):
    """No method, prior, constraint or plugin of this name is active."""


class MismatchError(UserError):
    """Method and problem do not fit together.

    Parameters
    ----------
    method : str
    reasons : sequence of str
        Every mismatch, not only the first.
    alternatives : sequence of str
        Installed methods that could take this problem.
    """

    longest = 10 * LONGEST_MESSAGE
    """It lists every mismatch, and none of them may be cut out."""

    def __init__(self, method: str, reasons: tuple[str, ...], alternatives: tuple[str, ...] = ()) -> None:
        self.method, self.reasons, self.alternatives = method, reasons, alternatives
        hint = f"; installed methods that could do it: {', '.join(alternatives)}" if alternatives else ""
        super().__init__(f"method '{method}' does not fit this problem: {'; '.join(reasons)}{hint}")

    def __reduce__(self) -> tuple[type[MismatchError], tuple[object, ...]]:
        return MismatchError, (self.method, self.reasons, self.alternatives)


class VacuousError(UserError):
    """Priors or constraints that can say nothing of the atoms or sources at hand.

    Out of `sepkit.separate` it comes as a `MismatchError`, which names the method.

    Parameters
    ----------
    *reasons : str
        Every statement, why it can say nothing, and what to do.
    """

    longest = MismatchError.longest

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))

    def __reduce__(self) -> tuple[type[VacuousError], tuple[str, ...]]:
        return VacuousError, self.reasons


class WeightsError(UserError):
    """Weights that are missing, damaged or made for another method."""

    longest = 2 * LONGEST_MESSAGE
    """It tells whose they are and what they may be used for, and no licence may be cut short."""


class OutputError(UserError):
    """A place that cannot be written to, found before any work was done."""


class WriteError(SepkitError):
    """The disk failed while a result was being written; nothing half-written is left.

    Parameters
    ----------
    place : str
        File or folder that was to be written.
    reason : str
        What went wrong, and what to do.
    """

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(f"cannot write {place}: {reason}")

    def __reduce__(self) -> tuple[type[WriteError], tuple[str, str]]:
        return WriteError, (self.place, self.reason)


class PluginError(SepkitError):
    """A plugin is broken or breaks the contract of its interface."""


class Cancelled(SepkitError):
    """The host asked the run to stop."""

    exit_code = 3
