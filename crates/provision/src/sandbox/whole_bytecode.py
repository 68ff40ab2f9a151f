"""Bytecode is written whole or not at all.

Before 3.12.8 and 3.13.1, CPython takes a short write on a full disk for a whole one (its issue 126606) and keeps half a
module, which from then on cannot be imported, however much room there is again.
"""

import importlib._bootstrap_external as importing
import os


def write_whole(path, data, mode=0o666):
    """Write all of the data to the path, or raise OSError and leave nothing; the import goes on without it then."""
    draft = f"{path}.{os.getpid()}.{id(path)}"
    try:
        with open(os.open(draft, os.O_EXCL | os.O_CREAT | os.O_WRONLY, mode & 0o666), "wb") as file:
            file.write(data)
        os.replace(draft, path)
    except OSError:
        if os.path.exists(draft):
            os.unlink(draft)
        raise


importing._write_atomic = write_whole
