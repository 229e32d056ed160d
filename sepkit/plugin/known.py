"""Which distribution publishes what, to hint at what is not installed. Written by ``make published``."""

KNOWN: dict[str, dict[str, str]] = {
    "dataset": {
        "recordings": "sepkit-policy-unet",
    },
    "method": {
        "beurling-lasso": "sepkit-sparse-pursuit",
        "centre": "sepkit-classical",
        "demucs": "sepkit-demucs",
        "duet": "sepkit-classical",
        "ensemble": "sepkit-classical",
        "flow-sgld": "sepkit-flow-sgld",
        "ft2d": "sepkit-classical",
        "hpss": "sepkit-classical",
        "interleaved": "sepkit-interleaved",
        "melody": "sepkit-classical",
        "mosaic": "sepkit-mosaic",
        "nae": "sepkit-nae",
        "nmf": "sepkit-nmf",
        "nmfd": "sepkit-nmfd",
        "open-unmix": "sepkit-open-unmix",
        "policy-unet": "sepkit-policy-unet",
        "projet": "sepkit-classical",
        "repet": "sepkit-classical",
        "repet-sim": "sepkit-classical",
        "rpca": "sepkit-classical",
        "rpca-melody": "sepkit-classical",
        "score-nmf": "sepkit-score-nmf",
        "score-nmf-tutorial": "sepkit-score-nmf",
        "source-filter": "sepkit-source-filter",
        "sparse-pursuit": "sepkit-sparse-pursuit",
    },
    "prior": {
        "diffusion": "sepkit-flow-sgld",
        "flow": "sepkit-flow-sgld",
        "stationary": "sepkit-flow-sgld",
    },
}
