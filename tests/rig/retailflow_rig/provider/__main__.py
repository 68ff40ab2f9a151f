"""The program that the launcher in the mirror runs: `python -m retailflow_rig.provider STUBS`."""

import sys
from pathlib import Path

from retailflow_rig.provider import stubs
from retailflow_rig.provider.serve import serve

stubs.use(Path(sys.argv[1]))
serve()
