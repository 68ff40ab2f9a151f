"""What the registry and ECR know of each other: which repositories there are, and what was pushed to them."""

from dataclasses import asdict
from datetime import UTC, timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.ecr.models import ECRBackend, Repository, ecr_backends
from moto.ecr.responses import ECRResponse

from retailflow_rig.cloud.calls import Call
from retailflow_rig.cloud.faults import Faults
from retailflow_rig.cloud.settings import SETTINGS

LIFE_OF_TOKEN = timedelta(hours=12)


def correct() -> None:
    """Makes ECR name the rig's registry, and its tokens valid from now instead of until 2015."""
    ECRResponse.get_authorization_token = _with_registry(ECRResponse.get_authorization_token)
    Repository.__init__ = _with_address(Repository.__init__)


def _with_registry(get: Any) -> Any:
    def got(response: Any) -> Any:
        answer = get(response)
        for data in answer.result["authorizationData"]:
            data["expiresAt"] = utcnow() + LIFE_OF_TOKEN
            if SETTINGS.registry:
                data["proxyEndpoint"] = f"http://{SETTINGS.registry}"
        return answer

    return got


def _with_address(init: Any) -> Any:
    def initialised(repository: Any, *arguments: Any, **named: Any) -> None:
        init(repository, *arguments, **named)
        if SETTINGS.registry:
            repository.uri = f"{SETTINGS.registry}/{repository.name}"

    return initialised


def request(faults: Faults, asked: dict[str, Any]) -> dict[str, Any]:
    """What the registry must know before it answers: the fault that strikes the request, and the repository."""
    fault = faults.record(call := Call("registry", asked["action"], ""))
    repository = _repository(asked.get("repository"))
    return {
        "fault": None if fault is None else {**asdict(fault), "error": fault.error(call)},
        "repository": None if repository is None else _described(repository),
    }


def _described(repository: Any) -> dict[str, Any]:
    """Its tags, whether they may be moved, and a number that another repository of the same name would not have."""
    return {
        "made": int(repository.created_at.replace(tzinfo=UTC).timestamp() * 1e6),
        "account": repository.registry_id,
        "immutable": str(getattr(repository.image_tag_mutability, "value", repository.image_tag_mutability)),
        "tags": [tag for image in repository.images for tag in image.image_tags],
        "digests": [image.get_image_digest() for image in repository.images],
    }


def pushed(image: dict[str, str]) -> None:
    """Lets ECR know an image that has arrived in the registry; a tag of it, or none if it came by its digest."""
    backend, tag, digest = _backend(image["repository"]), image.get("tag"), image["digest"]
    if backend is None or _has(backend.repositories[image["repository"]], tag, digest):
        return
    backend.put_image(image["repository"], image["manifest"], tag, image["media_type"], digest)


def _has(repository: Any, tag: str | None, digest: str) -> bool:
    images = [image for image in repository.images if image.get_image_digest() == digest]
    return any(tag is None or tag in image.image_tags for image in images)


def _repository(name: str | None) -> Any:
    backend = _backend(name)
    return None if backend is None or name is None else backend.repositories[name]


def _backend(name: str | None) -> ECRBackend | None:
    """The account and region that have a repository of this name; the registry serves them all."""
    backends = [backend for regions in ecr_backends.values() for backend in regions.values()]
    return next((backend for backend in backends if name in backend.repositories), None)
