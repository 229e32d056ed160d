"""Nonnegative matrix factorisation for sepkit.

`factorize` and the functions around it work on any nonnegative matrix and are open to other plugins; the separator
`NMF` puts them to work on recordings.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["NMFConfig"],
        "divergence": ["beta_divergence"],
        "factorization": ["Factorization", "factorize"],
        "grouping": ["atoms_of_sources", "blind_rank", "group_atoms"],
        "hosting": ["Hosting", "factorize_hosting"],
        "initialize": ["nndsvd", "normalize_templates", "random_init"],
        "labelled": ["labelled_factors", "labelled_sources"],
        "separator": ["NMF"],
        "sharing": ["normalized", "source_magnitudes"],
        "unexplained": ["ringing_on", "shared_beside", "shares_unexplained"],
    },
)
