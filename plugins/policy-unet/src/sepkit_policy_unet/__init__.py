"""Blind separation of instruments by a U-Net that is trained on the recording itself, for sepkit.

Tones are chosen by a policy (`Policy`) that the network (`UNet`) gives, one after the other (`extract`); training
(`fit`) lowers what they leave. The separator `PolicyUNet` puts them to work on recordings.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adamax": ["AdaMax"],
        "config": ["PolicyUNetConfig"],
        "extraction": ["Extracted", "extract"],
        "objective": ["dictionary_objective", "importance", "network_objective", "sample_losses"],
        "policy": ["Choice", "Parameters", "Policy"],
        "separator": ["PolicyUNet"],
        "sizes": ["SIZES", "Size"],
        "unet": ["UNet"],
    },
)
