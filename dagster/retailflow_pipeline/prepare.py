"""Parse the dbt project once, at set-up: `python -m retailflow_pipeline.prepare`.

Dagster then reads the manifest instead of waiting for dbt, and dbt itself starts from its partial parse. Both are
written beside their place and moved there last: a manifest that exists is whole.
"""

import sys
import tempfile
from pathlib import Path

from retailflow_pipeline.settings import Settings, SettingsError

ARTIFACTS = ("partial_parse.msgpack", "manifest.json")
"""What a parse leaves that is of use later. The manifest comes last: it is what others look for."""


class ParseError(Exception):
    """dbt could not parse the project; the message is dbt's."""


def prepare(project: Path) -> Path:
    """Parse the project and return its manifest. Raises `ParseError`."""
    from dbt.cli.main import dbtRunner

    target = project / "target"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix="parse-") as directory:
        folders = ("--project-dir", project, "--profiles-dir", project, "--target-path", directory)
        words = ["parse", "--quiet", "--no-use-colors", *map(str, folders), "--log-path", directory]
        result = dbtRunner().invoke(words)
        if not result.success:
            raise ParseError(f"dbt could not parse {project}: {result.exception or 'see its output above'}")
        for name in ARTIFACTS:
            (Path(directory) / name).replace(target / name)
    return target / ARTIFACTS[-1]


def main() -> int:
    """The command: prints where the manifest is, or what is wrong, and exits with 1 then."""
    try:
        print(prepare(Settings.from_environment().dbt_project))
    except (SettingsError, ParseError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
