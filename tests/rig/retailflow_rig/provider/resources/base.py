"""What all resource classes share: how a type is declared, tags, and errors that mean "it is not there"."""

import json
import time
from collections.abc import Iterator
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from retailflow_rig.provider.context import Context, ProviderError
from retailflow_rig.provider.schema import Value
from retailflow_rig.provider.wire import known, same

PATIENCE = 60
"""Seconds for which a deletion waits until nothing depends on the thing any more. The real provider's: 20 minutes."""


class Resource:
    """A resource type. A subclass creates, reads, updates and deletes; the state is a dict of the type's schema."""

    service: ClassVar[str]
    force_new: ClassVar[tuple[str, ...]] = ()
    """Attributes whose change needs a new resource."""
    defaults: ClassVar[Value] = {}
    """What an argument is when it is left out."""
    enums: ClassVar[dict[str, tuple[str, ...]]] = {}
    """The values that an argument may have."""
    conflicts: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Pairs of arguments that exclude each other."""
    recomputed: ClassVar[tuple[str, ...]] = ()
    """Attributes that any update may change."""
    json_documents: ClassVar[tuple[str, ...]] = ()
    """Arguments that are compared as JSON, not as text."""
    computed_blocks: ClassVar[tuple[str, ...]] = ()
    """Blocks that stay as AWS has them when the configuration has none."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.aws = context.client(self.service)

    # What a type does.

    def create(self, plan: Value) -> None:
        """Makes the resource and puts its `id` into `plan`; what fails after that leaves it tainted, not orphaned."""
        raise NotImplementedError

    def read(self, state: Value) -> Value | None:
        """What AWS says of the resource now, as changes to `state`; None if it is gone."""
        raise NotImplementedError

    def update(self, prior: Value, plan: Value) -> None:
        """Brings the resource from `prior` to `plan`."""

    def delete(self, state: Value) -> None:
        """Removes the resource."""
        raise NotImplementedError

    # How the protocol uses it.

    def make(self, plan: Value) -> Value:
        """Creates and reads back; keeps what was made if a later step fails."""
        try:
            self.create(plan)
            return self._read_back(plan)
        except (ClientError, BotoCoreError) as error:
            if known(plan.get("id")):
                error.partial = plan
            raise

    def change(self, prior: Value, plan: Value) -> Value:
        """Updates and reads back."""
        self.update(prior, plan)
        return self._read_back(plan)

    def look(self, state: Value) -> Value | None:
        """The state as AWS has it now, None if it is gone."""
        try:
            found = self.read(state)
        except ClientError as error:
            if missing(error):
                return None
            raise
        return None if found is None else {**state, **self._with_own_tags(found)}

    def remove(self, state: Value) -> None:
        """Deletes, and is content with what is gone already; waits for what still depends on it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.delete(state)
            except ClientError as error:
                if missing(error):
                    return None
                if not needed(error) or time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def _read_back(self, plan: Value) -> Value:
        found = self.look(plan)
        if found is None:
            raise ProviderError("the resource was made but cannot be found", partial=plan)
        return found

    def _with_own_tags(self, found: Value) -> Value:
        if "tags_all" in found:
            found["tags"] = self.context.own_tags(found["tags_all"])
        return {"region": self.context.region, **found}

    # What can be said before anything is made.

    @classmethod
    def problems(cls, config: Value) -> Iterator[tuple[str, str]]:
        """What the real provider would refuse in a configuration: attribute and message."""
        for name, allowed in cls.enums.items():
            value = config.get(name)
            if isinstance(value, str) and value not in allowed:
                yield name, f"expected {name} to be one of {list(allowed)}, got {value}"
        for left, right in cls.conflicts:
            if config.get(left) not in (None, []) and config.get(right) not in (None, []):
                yield left, f'"{left}": conflicts with {right}'

    @classmethod
    def replaces(cls, prior: Value, planned: Value) -> list[str]:
        """The attributes whose change needs a new resource."""
        return [name for name in cls.force_new if not same(prior.get(name), planned.get(name))]

    @classmethod
    def meaning(cls, _name: str, text: Any) -> Any:
        """What an argument that is a JSON document says, however it is written."""
        try:
            return json.loads(text)
        except (TypeError, ValueError):
            return text

    # How an existing resource is adopted.

    def imported(self, identifier: str) -> Value:
        """The state that an import's read starts from; raises `ProviderError` for an id that is none."""
        return {"id": identifier}

    # Tools for the types.

    def document(self, state: Value, name: str, found: Any) -> str:
        """A JSON document as the state has it if AWS's says the same, and AWS's if not."""
        text = found if isinstance(found, str) else json.dumps(found)
        return state[name] if self.meaning(name, state.get(name)) == self.meaning(name, text) else text

    def arn(self, resource: str, service: str | None = None) -> str:
        """An ARN in this account and region."""
        return f"arn:aws:{service or self.service}:{self.context.region}:{self.context.account}:{resource}"


class Ec2Resource(Resource):
    """A resource of EC2, whose tags all go the same way."""

    service = "ec2"
    kind: ClassVar[str]
    """The name of the type in a tag specification."""

    def tagging(self, plan: Value) -> Value:
        """The argument that tags a resource as it is made."""
        if not plan["tags_all"]:
            return {}
        return {"TagSpecifications": [{"ResourceType": self.kind, "Tags": pairs(plan["tags_all"])}]}

    def change(self, prior: Value, plan: Value) -> Value:
        old, new = prior["tags_all"] or {}, plan["tags_all"] or {}
        if gone := [{"Key": key} for key in old if key not in new]:
            self.aws.delete_tags(Resources=[prior["id"]], Tags=gone)
        if new != old:
            self.aws.create_tags(Resources=[prior["id"]], Tags=pairs(new))
        return super().change(prior, plan)


def pairs(tags: dict[str, str] | None) -> list[dict[str, str]]:
    """Tags as most services take them."""
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def lower_pairs(tags: dict[str, str] | None) -> list[dict[str, str]]:
    """Tags as ECS takes them."""
    return [{"key": key, "value": value} for key, value in (tags or {}).items()]


def unpaired(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags as Terraform holds them."""
    return {tag.get("Key", tag.get("key", "")): tag.get("Value", tag.get("value", "")) for tag in tags or []}


def id_parts(identifier: str, separator: str, form: str) -> list[str]:
    """The parts of an import id, of which there must be as many as in `form`."""
    parts = identifier.split(separator)
    if len(parts) != len(form.split(separator)) or not all(parts):
        raise ProviderError(f'unexpected format of ID ("{identifier}"), expected {form}')
    return parts


def missing(error: ClientError) -> bool:
    """Whether an error says that the thing is not there."""
    code = error.response["Error"]["Code"]
    return any(
        word in code
        for word in ("NotFound", "NoSuchEntity", "NonExistentQueue", "ClusterNotFound", "QueueDoesNotExist")
    )


def needed(error: ClientError) -> bool:
    """Whether an error says that something else needs the thing."""
    return error.response["Error"]["Code"] == "DependencyViolation"


def given(plan: Value, names: dict[str, str]) -> Value:
    """The arguments of a call from the attributes that are set: `names` maps the call's names to the attributes'."""
    return {call: plan[name] for call, name in names.items() if known(plan.get(name)) and plan[name] not in ("", [])}


def first(blocks: Any) -> Value:
    """The only block of a kind, or nothing."""
    return blocks[0] if isinstance(blocks, list) and blocks else {}
