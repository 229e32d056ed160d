"""What is not used is not imported, and nothing global is changed."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from sepkit import Registry
from tests.commandline import record, script

HEAVY = (
    "torch",
    "safetensors",
    "scipy",
    "numpy",
    "pydantic",
    "soundfile",
    "matplotlib",
    "pretty_midi",
    "soxr",
    "sklearn",
    "rich",
)
SIGNAL_PROCESSING = (
    "torch",
    "safetensors",
    "scipy",
    "soundfile",
    "matplotlib",
    "pretty_midi",
    "soxr",
    "sklearn",
)

LOADED_OF = """
import sys
def loaded(names):
    return sorted(set(names) & {name.partition('.')[0] for name in sys.modules})
"""

PLUGIN_MODULES = [
    "sepkit.plugin",
    "sepkit.builtin.plugin",
    *sorted(point.value for point in importlib.metadata.entry_points(group="sepkit")),
]
PUBLISHED = Registry.discover(disabled=())
CONFIG_MODULES = sorted(
    {spec.config.partition(":")[0] for spec in PUBLISHED.separators.values()}
    | {spec.training.partition(":")[0] for spec in (*PUBLISHED.separators.values(), *PUBLISHED.priors.values())}
    | {"sepkit.config", "sepkit.training.learn"}
)


def loaded_after(statement: str, names: tuple[str, ...], *installed: str) -> list[str]:
    printed = script(f"{LOADED_OF}\n{statement}\nprint(*loaded({names!r}))", installed=installed)
    return printed.splitlines()[-1].split()


def culprits(modules: list[str], names: tuple[str, ...]) -> dict[str, list[str]]:
    """Of modules that one process imports one after the other, those that load something of these names."""
    source = f"""{LOADED_OF}
import importlib, json
found = {{}}
for module in {modules!r}:
    before = loaded({names!r})
    importlib.import_module(module)
    if more := sorted(set(loaded({names!r})) - set(before)):
        found[module] = more
print(json.dumps(found))
"""
    told: dict[str, list[str]] = json.loads(script(source))
    return told


def test_culprits_are_found_and_named() -> None:
    assert culprits(["sepkit", "pydantic", "sepkit.config", "sepkit.cli"], HEAVY) == {"pydantic": ["pydantic"]}


def test_light_modules_import_nothing_heavy() -> None:
    assert culprits(["sepkit", "sepkit.errors", "sepkit.cli", *PLUGIN_MODULES], HEAVY) == {}


def test_configurations_import_no_signal_processing() -> None:
    assert culprits(CONFIG_MODULES, SIGNAL_PROCESSING) == {}


@pytest.mark.parametrize(
    "command", [["list"], ["list", "--json"], ["plugins"], ["--help"], ["--version"]], ids=lambda words: " ".join(words)
)
def test_looking_around_imports_nothing_heavy(command: list[str]) -> None:
    statement = f"""
from sepkit.cli import main
try:
    main({command!r})
except SystemExit as ending:
    assert not ending.code, ending.code
"""
    assert loaded_after(statement, HEAVY, "good") == []


def test_a_registry_of_everything_imports_nothing_heavy() -> None:
    assert loaded_after("from sepkit import Registry; Registry.discover().separator('nmf')", HEAVY, "good") == []


def test_showing_options_imports_no_signal_processing() -> None:
    statement = "from sepkit.cli import main\ntry:\n    main(['show', 'nmf'])\nexcept SystemExit:\n    pass"
    assert loaded_after(statement, SIGNAL_PROCESSING) == []


def test_a_mistake_is_found_before_signal_processing_is_imported(tmp_path: Path) -> None:
    mixture = str(record(tmp_path / "mix.wav"))
    arguments = ["run", "nmf", mixture, "-o", str(tmp_path / "out"), "--set", "rank=0"]
    statement = f"from sepkit.cli import main\ntry:\n    main({arguments!r})\nexcept SystemExit:\n    pass"
    assert loaded_after(statement, ("torch", "scipy", "matplotlib", "sklearn")) == []


SNAPSHOT = """
import json, logging, os, random, signal, sys, threading, warnings
import numpy as np

def snapshot():
    root = logging.getLogger()
    return {
        "root logger": [repr(root.handlers), root.level, logging.root.manager.disable, repr(logging.lastResort)],
        "warnings": [repr(warnings.filters), repr(warnings.showwarning)],
        "numpy's random state": repr(np.random.get_state()),
        "random state": repr(random.getstate()),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "numpy's errors": np.geterr(),
        "numpy's printing": repr(np.get_printoptions()),
        "signals": [repr(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "path": list(sys.path),
        "hooks": [repr(sys.excepthook), repr(sys.unraisablehook), repr(threading.excepthook), repr(sys.stdout)],
        "threads": [thread.name for thread in threading.enumerate()],
        "recursion": sys.getrecursionlimit(),
    }

def changed(before):
    after = snapshot()
    return {what: [str(before[what])[:300], str(after[what])[:300]] for what in before if before[what] != after[what]}
"""


def test_importing_sepkit_changes_nothing_global() -> None:
    source = f"""{SNAPSHOT}
before = snapshot()
import sepkit
for name in sepkit.__all__:
    getattr(sepkit, name)
print(json.dumps(changed(before)))
"""
    assert json.loads(script(source)) == {}


def test_a_separation_changes_nothing_global(tmp_path: Path) -> None:
    # SciPy, on its first import, is not sepkit's to answer for: it goes before.
    source = f"""{SNAPSHOT}
import scipy.signal, scipy.fft, scipy.ndimage, scipy.optimize, soundfile, soxr, pydantic
before = snapshot()
import sepkit
config = {{"rank": 2, "iterations": 3}}
priors, constraints = ["sparsity", "continuity"], ["mixture-consistency"]
separation = sepkit.separate(sys.argv[1], "nmf", sources=["a", "b"], config=config, priors=priors,
    constraints=constraints, seed=3, reporter=lambda event: None)
separation.write(sys.argv[2])
print(json.dumps(changed(before)))
"""
    printed = script(source, record(tmp_path / "mix.wav"), tmp_path / "out", installed=("good",))
    assert json.loads(printed) == {}


def test_training_reading_a_score_and_drawing_change_nothing_global(tmp_path: Path) -> None:
    pytest.importorskip("sepkit_nae", reason="what is trained here is not installed: pip install sepkit-nae")
    # What torch and Matplotlib do on their first import is theirs.
    source = f"""{SNAPSHOT}
import matplotlib.backends.backend_agg, matplotlib.figure, scipy.signal, scipy.optimize, scipy.ndimage, soundfile, torch

def all_of_it():
    levels = {{name: [logger.level, repr(logger.handlers), logger.disabled, logger.propagate]
        for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)}}
    loud = {{name: state for name, state in levels.items() if state != [0, "[]", False, True]}}
    threads = [torch.get_num_threads(), torch.get_num_interop_threads()]
    modes = [str(torch.get_default_dtype()), torch.are_deterministic_algorithms_enabled(), torch.is_grad_enabled()]
    drawn = repr(torch.get_rng_state().numpy().tobytes())
    return {{**snapshot(), "loggers": loud, "torch": [threads, modes, drawn], "rc": repr(dict(matplotlib.rcParams))}}

before = all_of_it()
import sepkit
from pathlib import Path
from sepkit.training import train
train("nae", ["toy-waveforms:count=6,duration_s=0.2"], Path(sys.argv[1]), config={{"steps": 4, "validate_every": 2}})
score = sepkit.Score.read(Path(sys.argv[2]))
sepkit.separate(sys.argv[3], "score-nmf", score=score).plot()
score.plot()
after = all_of_it()
print(json.dumps([[what, str(before[what]), str(after[what])] for what in before if before[what] != after[what]]))
"""
    (tmp_path / "score.musicxml").write_text(ONE_NOTE)
    mixture = record(tmp_path / "mix.wav")
    assert json.loads(script(source, tmp_path / "weights", tmp_path / "score.musicxml", mixture)) == []


ONE_NOTE = """<score-partwise version="4.0">
<part-list><score-part id="P1"><part-name>a</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes>
<note><pitch><step>A</step><octave>4</octave></pitch><duration>4</duration></note></measure></part>
</score-partwise>"""


def test_an_error_changes_nothing_global(tmp_path: Path) -> None:
    source = f"""{SNAPSHOT}
import soundfile, pydantic
before = snapshot()
import sepkit
for config in ({{"fault": "raise"}}, {{"fault": "exit"}}, {{"steps": 0}}):
    try:
        sepkit.separate(sys.argv[1], "halve", config=config)
    except sepkit.SepkitError:
        pass
    else:
        raise SystemExit("no error")
print(json.dumps(changed(before)))
"""
    assert json.loads(script(source, record(tmp_path / "mix.wav"), installed=("good",))) == {}
