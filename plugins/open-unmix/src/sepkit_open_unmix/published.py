"""The weights that the authors of Open-Unmix published, as their records on Zenodo tell of them.

Their file names carry the first eight digits of their SHA-256; those of umxhq are known as a whole, and its sizes to
the byte. The sizes of the others are rounded up.
"""

from sepkit.plugin import Weights, WeightsFile

_RECORDS = "https://zenodo.org/records"
_AUTHORS = "F.-R. Stöter and A. Liutkus, Inria"


def _files(record: int, size: int, *digests: tuple[str, str]) -> tuple[WeightsFile, ...]:
    return tuple(
        WeightsFile(url=f"{_RECORDS}/{record}/files/{target}-{sha256[:8]}.pth", sha256=sha256, size=size)
        for target, sha256 in digests
    )


UMXHQ = Weights(
    name="umxhq",
    licence="MIT",
    source=f"{_AUTHORS}, trained on MUSDB18-HQ, doi:10.5281/zenodo.3370489",
    files=_files(
        3370489,
        35_637_796,
        ("vocals", "b62c91cedbc7a066f1778ead5b5cecb377aa3a46a31af1cce7c5c8769339d083"),
        ("drums", "9619578f885c54737cb0234f9f9a4a679ee4f31438fd77fd1dbe02bb16c2da0a"),
        ("bass", "8d85a5bd3f996a8867fca0e8442e077e5a3f5ec747a6112742452a8f347b39c8"),
        ("other", "b52fbbf76479e752bd72e02304c602ac7802aa5bfbfb9cd12054b2695d5093ab"),
    ),
)

UMX = Weights(
    name="umx",
    licence="MIT",
    source=f"{_AUTHORS}, trained on MUSDB18, doi:10.5281/zenodo.3370486",
    files=_files(
        3370486,
        35_700_000,
        ("vocals", "c8df74a5"),
        ("drums", "5a48008b"),
        ("bass", "646024d3"),
        ("other", "f8e132cc"),
    ),
)

UMXL = Weights(
    name="umxl",
    licence="CC-BY-NC-SA-4.0",
    source=f"{_AUTHORS}, trained on private recordings, doi:10.5281/zenodo.5069601",
    files=_files(
        5069601,
        113_200_000,
        ("vocals", "bccbd9aa"),
        ("drums", "69e0ebd4"),
        ("bass", "2ca1ce51"),
        ("other", "c8c5b3e6"),
    ),
)
