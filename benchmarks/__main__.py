"""Run all benchmarks, or those named: python -m benchmarks [NAME ...]."""

import importlib
import pkgutil
import sys

import benchmarks


def main(names: list[str]) -> int:
    known = sorted(
        module.name
        for module in pkgutil.iter_modules(benchmarks.__path__)
        if module.name.startswith("bench_")
    )
    unknown = set(names) - set(known)
    if unknown:
        print(f"No benchmark {', '.join(sorted(unknown))}; choose from {', '.join(known)}.")
        return 2
    for name in names or known:
        print(f"\n== {name}")
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
