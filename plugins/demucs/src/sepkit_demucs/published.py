"""The weights that the author of Demucs published for version 4.1 of his package, each of one commit."""

from sepkit.plugin import Weights, WeightsFile

# The author, asked what the licence of the weights is: https://github.com/facebookresearch/demucs/issues/327
_LICENCE = "for scientific purposes only, not covered by the MIT licence of the code"
_AUTHORS = "S. Rouard, F. Massa and A. Défossez, Meta AI"
_BYTES = 84_025_440


def _files(repository: str, commit: str, *files: tuple[str, str, int]) -> tuple[WeightsFile, ...]:
    return tuple(
        WeightsFile(
            url=f"https://huggingface.co/adefossez/{repository}/resolve/{commit}/{name}", sha256=sha256, size=size
        )
        for name, sha256, size in files
    )


HTDEMUCS = Weights(
    name="htdemucs",
    licence=_LICENCE,
    source=f"{_AUTHORS}, trained on MUSDB18-HQ and 800 other songs",
    files=_files(
        "HTDemucs",
        "cbc8a9b1a87023b7fd74e7b3412e6321c0eab003",
        ("htdemucs.yaml", "239c445d0b14454d541ad8bd9bb271c9e536d267e8a4625208744cbb2e7bb66c", 21),
        ("955717e8.safetensors", "d9fa14133cfcc034a6758923bb3a8ca9f8dfd0b582134643bbf83f72c17576dd", _BYTES),
    ),
)

HTDEMUCS_FT = Weights(
    name="htdemucs-ft",
    licence=_LICENCE,
    source=f"{_AUTHORS}, trained on MUSDB18-HQ and 800 other songs, and further for each source",
    files=_files(
        "HTDemucs-ft",
        "d74ac89c3a1e874fc78f152555cf4d8533f06cd4",
        ("htdemucs_ft.yaml", "69470b8c1bbd674437b51bc9fb491327a10ab0396b702c93389b9cf750016346", 149),
        ("f7e0c4bc.safetensors", "2c85ab3c62dd6edd8e0b965e38b16fd1cdde357cc25de6b6bc9ce7c83f60925f", _BYTES),
        ("d12395a8.safetensors", "5b01a97567ae9a3178a6236fb520251045c03eb8834bc8c24a4eec11d6c8fb56", _BYTES),
        ("92cfc3b6.safetensors", "a241863551f30d01c42bd7b97da40839922ead3acb0f1fcab25682f55b4eeb59", _BYTES),
        ("04573f0d.safetensors", "68854b0d7c2b3274723b5761f6fd9f5aec5f1bcd3f0de7c1669546fdb7871b7c", _BYTES),
    ),
)

HTDEMUCS_6S = Weights(
    name="htdemucs-6s",
    licence=_LICENCE,
    source=f"{_AUTHORS}, with guitar and piano as sources of their own; experimental, of the piano above all",
    files=_files(
        "HTDemucs-6s",
        "3c5ee475be622df764938de97e4281a7b07ffa58",
        ("htdemucs_6s.yaml", "207405151270af8fd81c2373c25d27950916682ac91dca7884a11ce13dad6f58", 21),
        ("5c90dfd2.safetensors", "d2a1745f0744721f6b8ca5bf469b67c651ea5ed1b52998cab033b2158609d411", 54_885_744),
    ),
)
