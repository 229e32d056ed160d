"""Which distribution publishes what, to hint at what is not installed. Written by ``make published``."""

KNOWN: dict[str, dict[str, str]] = {
    "dataset": {
        "recordings": "sepkit-policy-unet",
    },
    "method": {
        "beurling-lasso": "sepkit-sparse-pursuit",
        "demucs": "sepkit-demucs",
        "flow-sgld": "sepkit-flow-sgld",
        "flow-vae": "sepkit-flow-sgld",
        "hpss": "sepkit-hpss",
        "mosaic": "sepkit-mosaic",
        "nae": "sepkit-nae",
        "nmf": "sepkit-nmf",
        "nmfd": "sepkit-nmfd",
        "open-unmix": "sepkit-open-unmix",
        "policy-unet": "sepkit-policy-unet",
        "score-nmf": "sepkit-score-nmf",
        "score-nmf-tutorial": "sepkit-score-nmf",
        "source-filter": "sepkit-source-filter",
        "sparse-pursuit": "sepkit-sparse-pursuit",
    },
    "prior": {
        "flow": "sepkit-flow-sgld",
        "stationary": "sepkit-flow-sgld",
    },
}
