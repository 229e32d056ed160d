"""A host with a worker beside it: a program that must stay alive whatever happens to a separation.

The worker is a process of its own. It keeps methods loaded from one recording to the next, and ends when this program
does, however that comes about.
"""

from __future__ import annotations

import asyncio
import sys

from sepkit import Cancelled, Progress, SepkitError
from sepkit.serving.client import Worker


def show(progress: Progress) -> None:
    print(f"{progress.stage} {progress.fraction:.0%}", file=sys.stderr)


async def main(mixture: str, output: str) -> None:
    worker = Worker()
    asked = {"mixture": mixture, "method": "nmf", "sources": ["a", "b"], "config": {"iterations": 30}}
    try:
        told = await worker.separate(reporter=show, job="first", output=f"{output}/first", **asked)
        print("first:", ", ".join(told["files"].values()))

        second = asyncio.create_task(worker.separate(job="second", output=f"{output}/second", **asked))
        await asyncio.sleep(0)  # The request is on its way; now somebody changes their mind.
        await worker.ask("cancel", job="second")
        try:
            await second
        except Cancelled as error:
            print("second:", error)

        try:
            await worker.separate(job="third", output=f"{output}/third", **{**asked, "mixture": "no-such-song.wav"})
        except SepkitError as error:
            print("third:", error)
    finally:
        await worker.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
