"""Whether chains that agree are right: a picture and figures, from what ``--stems`` of other benchmarks has written.

    python agreement.py stems.tsv agreement.png

They are ``toy_separation.py`` and ``duets.py``, which may add to one file. Prints, for every kind of mixture, how
many stems there are, the correlation by rank between what they agree to and the true SDR, the median of their
difference, and how often stems whose true SDR is below 5 dB agree to no more than 10 dB: doubt where there is cause
for it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import spearmanr

WRONG_DB, DOUBT_DB = 5.0, 10.0


def main() -> None:
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stems", type=Path)
    parser.add_argument("picture", type=Path)
    given = parser.parse_args()
    settings: dict[str, list[tuple[float, float]]] = {}
    for line in given.stems.read_text(encoding="utf-8").splitlines():
        name, _, _, agreement, truth = line.split("\t")
        settings.setdefault(name, []).append((float(agreement), float(truth)))
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    print("| mixtures | stems | rank correlation | agreement less SDR, median | wrong stems | of them doubted |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, pairs in settings.items():
        agreement, truth = np.clip(np.array(pairs), -30, 80).T
        wrong = truth < WRONG_DB
        doubted = f"{np.sum(agreement[wrong] <= DOUBT_DB)}"
        correlation = spearmanr(agreement, truth).statistic
        difference = np.median(agreement - truth)
        print(f"| {name} | {len(pairs)} | {correlation:.2f} | {difference:.1f} | {wrong.sum()} | {doubted} |")
        axis.scatter(agreement, truth, s=12, label=name)
    axis.axline((0, 0), slope=1, color="0.7", zorder=0)
    axis.axhspan(-30, WRONG_DB, color="0.93", zorder=-1)
    axis.set(xlabel="agreement_db", ylabel="true SDR, dB")
    axis.legend()
    figure.savefig(given.picture, dpi=120)


if __name__ == "__main__":
    main()
