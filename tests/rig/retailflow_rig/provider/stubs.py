"""Python modules of the two protocols, made from their `.proto` files once and kept in a folder of one's choice."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

PROTOCOLS = Path(__file__).parent


def compile_into(folder: Path) -> None:
    """Writes the modules `tfplugin6_pb2`, `goplugin_pb2` and their gRPC halves into `folder`."""
    from grpc_tools import protoc

    folder.mkdir(parents=True, exist_ok=True)
    arguments = [f"-I{PROTOCOLS}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    names = sorted(str(path) for path in PROTOCOLS.glob("*.proto"))
    if protoc.main(["protoc", *arguments, *names]) != 0:
        raise RuntimeError(f"protoc could not compile {', '.join(names)}")


def load(name: str) -> ModuleType:
    """One of the modules; the folder they lie in must be on `sys.path`."""
    return importlib.import_module(name)


def use(folder: Path) -> None:
    """Makes the modules in `folder` importable."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
