"""Which distribution publishes what, to hint at what is not installed. Written by ``make published``."""

KNOWN: dict[str, dict[str, str]] = {
    "method": {
        "flow-sgld": "sepkit-flow-sgld",
        "flow-vae": "sepkit-flow-sgld",
        "nae": "sepkit-nae",
        "nmf": "sepkit-nmf",
        "score-nmf": "sepkit-score-nmf",
        "score-nmf-tutorial": "sepkit-score-nmf",
        "source-filter": "sepkit-source-filter",
    },
    "prior": {
        "flow": "sepkit-flow-sgld",
        "stationary": "sepkit-flow-sgld",
    },
}
