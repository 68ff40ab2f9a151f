#!/usr/bin/env python3
"""Draws every icon that the bundles need from icon.svg. Needs rsvg-convert; run after the drawing has changed.

Windows' and macOS' formats are both lists of PNG files with a header of their own, so they are written here.
"""

import struct
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent

# By file name, edge in pixels: what Linux desktops and Tauri ask for.
PNG = {"32x32": 32, "128x128": 128, "128x128@2x": 256, "512x512": 512}

# Edges in pixels. Windows picks the nearest and scales it.
ICO = [16, 24, 32, 48, 64, 256]

# Edges in pixels, by the type macOS gives each.
ICNS = {b"icp4": 16, b"icp5": 32, b"ic07": 128, b"ic08": 256, b"ic09": 512, b"ic10": 1024}

# The share of its canvas that macOS wants an icon to fill, so that all in the Dock look alike.
MACOS_FILL = 824 / 1024


def draw(edge: int, fill: float = 1.0) -> bytes:
    """The icon as a PNG file of `edge` pixels, `fill` of which it takes up."""
    size = round(edge * fill)
    margin = (edge - size) / 2
    command = ["rsvg-convert", FOLDER / "icon.svg", f"--width={size}", f"--height={size}"]
    command += [f"--page-width={edge}", f"--page-height={edge}", f"--left={margin}", f"--top={margin}"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603


def ico(images: dict[int, bytes]) -> bytes:
    """A Windows icon of PNG files, by their edges in pixels."""
    directory = struct.pack("<HHH", 0, 1, len(images))
    offset = len(directory) + 16 * len(images)
    for edge, image in images.items():
        # An edge of 256 is written as 0.
        directory += struct.pack("<BBBBHHII", edge % 256, edge % 256, 0, 0, 1, 32, len(image), offset)
        offset += len(image)
    return directory + b"".join(images.values())


def icns(images: dict[bytes, bytes]) -> bytes:
    """A macOS icon of PNG files, by their types."""
    body = b"".join(kind + struct.pack(">I", len(image) + 8) + image for kind, image in images.items())
    return b"icns" + struct.pack(">I", len(body) + 8) + body


def main() -> None:
    """Writes all icons beside the drawing."""
    for name, edge in PNG.items():
        (FOLDER / f"{name}.png").write_bytes(draw(edge))
    (FOLDER / "icon.ico").write_bytes(ico({edge: draw(edge) for edge in ICO}))
    (FOLDER / "icon.icns").write_bytes(icns({kind: draw(edge, MACOS_FILL) for kind, edge in ICNS.items()}))


if __name__ == "__main__":
    main()
