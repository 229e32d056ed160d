"""The method and its priors keep the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

from sepkit import Domain, Registry
from sepkit.plugin import PriorSpec
from sepkit.testing import parametrize_with_checks

REGISTRY = Registry.discover()
REGISTRY.add(
    PriorSpec(
        name="toy-oracle",
        summary="the exact density of the toy waveforms",
        reference="M. Frank, M. Ilse, Problems using deep generative models for probabilistic audio source separation",
        factory="sepkit_flow_sgld.toy_oracle:ToyOracle",
        domains=(Domain.WAVEFORMS,),
    )
)


@parametrize_with_checks("flow-sgld")
def test_method(check: Any) -> None:
    check()


@parametrize_with_checks("stationary")
def test_stationary(check: Any) -> None:
    check()


@parametrize_with_checks("diffusion")
def test_diffusion(check: Any) -> None:
    check()


@parametrize_with_checks("local-gaussian", config={"method": "harmonic-comb"})
def test_local_gaussian(check: Any) -> None:
    check()


@parametrize_with_checks("toy-oracle", registry=REGISTRY, config={"lowest_key": 55})
def test_toy_oracle(check: Any) -> None:
    check()
