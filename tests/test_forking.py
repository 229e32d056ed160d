"""A process that has used sepkit may fork, also while other threads are at work: its child does not wait for them."""

from __future__ import annotations

import os

import pytest

from tests.commandline import script

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

FORK = """
import os, signal, sys, threading, warnings
import numpy as np
import sepkit
from sepkit import Audio

# Python 3.12 warns of threads at a fork, which is what this is about.
warnings.filterwarnings("ignore", ".*multi-threaded.*", DeprecationWarning)
mixture = Audio(np.random.default_rng(0).uniform(-0.1, 0.1, (1, 40000)), 8000)

def forked(work):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        # A child that hangs is killed by its alarm, and its parent told.
        signal.alarm(120)
        try:
            work()
            sys.stdout.flush()
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_after_torch_has_used_its_threads() -> None:
    pytest.importorskip("sepkit_nae", reason="no method made of torch is installed: pip install sepkit-nae")
    work = """
import torch
torch.set_num_threads(2)
options = {"rank": 4, "iterations": 3}
method = sepkit.Method("nae", config=options)
def work():
    return method.separate(mixture, sources=["a", "b"])
parent = work()
def compare():
    np.testing.assert_allclose(work()["a"].samples, parent["a"].samples, atol=1e-6)
forked(compare)
"""
    assert script(FORK + work) == "0\n"


def test_while_another_thread_has_stdout_and_the_c_librarys_stderr() -> None:
    work = """
from sepkit.music.recordings.quiet import quiet
from sepkit.plugin.stdout import kept_from_stdout
inside, leave = threading.Event(), threading.Event()
def elsewhere():
    with kept_from_stdout(), quiet():
        inside.set()
        leave.wait()
thread = threading.Thread(target=elsewhere)
thread.start()
inside.wait()
def work():
    with kept_from_stdout(), quiet():
        print("for stderr")
    print("for stdout")
forked(work)
leave.set()
thread.join()
print("parent")
"""
    # While another thread keeps stdout, the parent's own words go to stderr.
    assert script(FORK + work) == "for stdout\nparent\n"


def test_while_another_thread_loads_the_method() -> None:
    work = """
from sepkit import Config, Registry, Separator
from sepkit.plugin import SeparatorSpec
inside, leave = threading.Event(), threading.Event()
class Slow(Separator[Config]):
    def load(self, weights, run):
        inside.set()
        leave.wait()
    def separate(self, problem, run):
        return {"all": problem.mixture}
sys.modules["slow"] = sys.modules["__main__"]
registry = Registry(plugins=[])
registry.add(SeparatorSpec(name="slow", summary="slow", factory="slow:Slow"))
method = sepkit.Method("slow", registry=registry)
thread = threading.Thread(target=method.separate, args=[mixture])
thread.start()
inside.wait()
def work():
    leave.set()
    assert list(method.separate(mixture)) == ["all"]
forked(work)
leave.set()
thread.join()
"""
    assert script(FORK + work) == "0\n"
