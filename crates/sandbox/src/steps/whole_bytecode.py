"""Bytecode is written whole or not at all.

Before 3.12.8 and 3.13.1, CPython takes a short write on a full disk for a whole one (its issue 126606) and keeps half a
module, which from then on cannot be imported, however much room there is again.
"""

import importlib._bootstrap_external as importing
import os
from pathlib import Path


def write_whole(path: str, data: bytes, mode: int = 0o666) -> None:
    """Write all of the data to the path, or raise OSError and leave nothing; the import goes on without it then."""
    draft = Path(f"{path}.{os.getpid()}.{id(path)}")
    try:
        with draft.open("xb") as file:
            file.write(data)
        draft.chmod(mode & 0o666)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


importing._write_atomic = write_whole
