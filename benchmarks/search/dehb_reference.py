"""DEHB's reference package, dehb 0.1.2, on a function of multi_fidelity.py; run by a Python that has it.

    ENV/bin/python benchmarks/search/dehb_reference.py FUNCTION SEED EPOCHS

prints a list of pairs as JSON: epochs trained in all, and the true regret of the best full training, whenever that grew
better. Trials start anew at each fidelity, as the package has no checkpoints.
"""

from __future__ import annotations

import json
import sys
import tempfile

from functions import CURVES

ETA = 3


def main() -> None:
    """Run one search."""
    import numpy as np
    from dehb import DEHB

    name, seed, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    curve = next(curve for curve in CURVES if curve.name == name)
    names = [p.name for p in curve.function.parameters]
    trained, best, steps = 0, float("inf"), []
    with tempfile.TemporaryDirectory() as folder:
        search = DEHB(
            f=None,
            dimensions=len(names),
            min_fidelity=1,
            max_fidelity=curve.epochs,
            eta=ETA,
            n_workers=1,
            seed=seed,
            output_path=folder,
            log_level="ERROR",
        )
        while trained < limit:
            job = search.ask()
            epochs = round(float(job["fidelity"]))
            values = dict(zip(names, np.asarray(job["config"], dtype=float).tolist(), strict=True))
            search.tell(job, {"fitness": curve.value(values, epochs), "cost": epochs})
            trained += epochs
            regret = curve.function.regret(values)
            if epochs == curve.epochs and regret < best:
                best = regret
                steps.append((trained, float(f"{regret:.4g}")))
    print(json.dumps(steps))


if __name__ == "__main__":
    main()
