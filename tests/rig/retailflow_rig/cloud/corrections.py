"""Where moto answers differently from AWS in what matters here, corrected in moto itself."""

import hashlib
from typing import Any

from moto.awslambda.models import LambdaBackend
from moto.ecr.models import Image


def apply() -> None:
    """Applies every correction to this process."""
    Image._create_digest = _digest_of_manifest
    LambdaBackend.put_function_event_invoke_config = _replace_event_invoke_config(
        LambdaBackend.put_function_event_invoke_config
    )


def _digest_of_manifest(image: Any) -> None:
    """The digest a registry gives: that of the manifest's bytes. Moto makes one up."""
    image._image_digest = "sha256:" + hashlib.sha256(image.image_manifest.encode()).hexdigest()


def _replace_event_invoke_config(put: Any) -> Any:
    """A function has one such configuration. Moto keeps all that were ever put and shows the first."""

    def replaced(backend: Any, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
        backend.get_function(function_name).event_invoke_config.clear()
        return put(backend, function_name, config)

    return replaced
