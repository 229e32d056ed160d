"""libnmfd in its own environment: factors of a start, its seconds written beside them. See cost.py."""

from __future__ import annotations

import sys
import time
from typing import Any

import libnmfd.core.nmfconv as peer
import numpy as np

peer.tnrange = lambda total, **_: range(total)


def main() -> None:
    """Deconvolve what the first file holds, into the second."""
    start: Any = np.load(sys.argv[1])
    V, W, H = (start[name] for name in ("V", "W", "H"))
    began = time.perf_counter()
    found, H, *_ = peer.nmfd(
        V,
        num_comp=W.shape[1],
        num_iter=int(start["iterations"]),
        num_template_frames=W.shape[2],
        num_frames=V.shape[1],
        num_bins=V.shape[0],
        init_W=list(W.transpose(1, 0, 2)),
        init_H=H,
    )
    seconds = time.perf_counter() - began
    np.savez(sys.argv[2], W=np.stack(found, axis=1), H=H * V.sum(), seconds=seconds)


if __name__ == "__main__":
    main()
