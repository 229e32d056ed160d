"""
A method of your own, in one file
=================================

A method is a class with one method. Everything else comes from the framework: reading files, rates and channels,
progress, cancelling, seeds, checks of what comes out, constraints on waveforms, the record, the command line.

Here: low and high. Everything below a frequency goes to one source, the rest to the other.
"""

import numpy as np
from pydantic import Field

import sepkit
from sepkit import Audio, Config, Registry, Separator, example
from sepkit.plugin import SeparatorSpec

# %%
# Options are a model with bounds and units
# -----------------------------------------
#
# From it come the help of the command line, the forms of programs and the messages about wrong values.


class SplitConfig(Config):
    """Options of the split."""

    corner_hz: float = Field(default=350.0, gt=0, description="Where low ends and high begins.")


# %%
# The method
# ----------
#
# What is asked is a `Problem`: the mixture and all that is known of it. The answer is a stem for each name, as long as
# the mixture. ``run.steps`` does the progress, and cancels when the user does.


class Split(Separator[SplitConfig]):
    """Low and high."""

    def separate(self, problem, run):
        mixture = problem.mixture
        low = np.empty_like(mixture.samples)
        for channel in run.steps(mixture.channels, "split"):
            spectrum = np.fft.rfft(mixture.samples[channel])
            spectrum[np.fft.rfftfreq(mixture.length, 1 / mixture.sample_rate) > self.config.corner_hz] = 0
            low[channel] = np.fft.irfft(spectrum, mixture.length)
        return {"low": Audio(low, mixture.sample_rate), "high": Audio(mixture.samples - low, mixture.sample_rate)}


# %%
# Make it known
# -------------
#
# A spec says what the framework may rely on. A published plugin yields the same spec from an entry point; see
# :doc:`/guide/separator`.

registry = Registry.discover()
registry.add(
    SeparatorSpec(
        name="split",
        summary="all below a frequency, and all above",
        factory="__main__:Split",
        config="__main__:SplitConfig",
        reference="none: an example of the gallery",
        sources=("low", "high"),
    )
)

piano = example.load("piano")
mixture = Audio(piano.mixture.resample(22050).samples[:, : 6 * 22050], 22050)
separation = sepkit.separate(mixture, "split", registry=registry, constraints=["mixture-consistency"])
separation

# %%

# sphinx_gallery_alt = "Spectrograms: all below 350 Hz is in the stem low, all above in high."
separation.plot()

# %%
# A wrong option is one line:

try:
    sepkit.separate(mixture, "split", config={"corner_hz": -3}, registry=registry)
except sepkit.SepkitError as error:
    print(error)

# %%
# Does it keep the contract?
# --------------------------
#
# The conformance kit runs a method through what hosts rely on: lengths, rates, silence, one sample, cancelling, seeds.

from sepkit.testing import run_checks

outcomes = run_checks("split", registry=registry)
counts = {status: sum(outcome.status == status for outcome in outcomes) for status in ("passed", "failed")}
print(counts)
