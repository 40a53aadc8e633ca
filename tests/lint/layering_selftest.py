#!/usr/bin/env python3
"""The layering lint finds what it is there to find."""
import pathlib
import tempfile

import layering


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        bad = {
            "src/core/a.cc": '#include "anomaly_exporter/app/engine.h"\n',
            "src/series/b.cc": "#include <yaml-cpp/yaml.h>\n",
            "include/anomaly_exporter/cli/c.h": "#include <CLI/CLI.hpp>\n",
            "src/unheard_of/d.cc": "\n",
        }
        good = {
            "src/app/e.cc": '#include "anomaly_exporter/core/time.h"\n',
            "src/cli/f.cc": "#include <CLI/CLI.hpp>\n",
        }
        for name, text in {**bad, **good}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        problems = layering.check(root)
        assert len(problems) == len(bad), problems
        for name in bad:
            assert any(p.startswith(name) for p in problems), (name, problems)


if __name__ == "__main__":
    main()
