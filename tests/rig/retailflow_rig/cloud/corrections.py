"""Where moto answers differently from AWS in what matters here, corrected in moto itself."""

import hashlib
from typing import Any

from moto.ecr.models import Image

from retailflow_rig.cloud import dependencies, duplicates, functions, hosts, images, logins, policies, quotas
from retailflow_rig.cloud.tunnels import Tunnels


def apply(tunnels: Tunnels) -> None:
    """Applies every correction to this process."""
    Image._create_digest = _digest_of_manifest
    dependencies.correct(tunnels)
    duplicates.correct()
    functions.correct()
    hosts.correct()
    images.correct()
    logins.correct()
    policies.correct()
    quotas.correct()


def _digest_of_manifest(image: Any) -> None:
    """The digest a registry gives: that of the manifest's bytes. Moto makes one up."""
    image._image_digest = "sha256:" + hashlib.sha256(image.image_manifest.encode()).hexdigest()
