"""The provider's side of the protocol: each method decodes, asks the planner or a resource, and encodes."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from retailflow_rig.provider import data, ephemeral, stubs
from retailflow_rig.provider.context import Context, ProviderError, configure
from retailflow_rig.provider.plan import plan_change
from retailflow_rig.provider.resources import RESOURCES
from retailflow_rig.provider.schema import Block, Schemas, Value, schema_message
from retailflow_rig.provider.wire import decode, encode, settled

pb = stubs.load("tfplugin6_pb2")
rpc = stubs.load("tfplugin6_pb2_grpc")

AWS_ERRORS = (ClientError, BotoCoreError, ProviderError)


def dynamic(value: Any) -> Any:
    """A `DynamicValue` message."""
    return pb.DynamicValue(msgpack=encode(value))


def diagnostic(summary: str, detail: str = "", attribute: str | None = None) -> Any:
    """An error to show, at an attribute if one is to blame."""
    message = pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=summary, detail=detail)
    if attribute:
        message.attribute.steps.add(attribute_name=attribute)
    return message


def explain(doing: str, error: Exception, context: Context) -> Any:
    """An AWS error in the words of the real provider, which name the service, the request and the code."""
    if isinstance(error, ClientError):
        meta, code = error.response.get("ResponseMetadata", {}), error.response.get("Error", {})
        return diagnostic(
            f"{doing}: operation error {context.service_of(error.operation_name)}, https response error "
            f"StatusCode: {meta.get('HTTPStatusCode')}, RequestID: {meta.get('RequestId', '')}, "
            f"api error {code.get('Code')}: {code.get('Message')}"
        )
    if isinstance(error, ProviderError):
        return diagnostic(f"{doing}: {error.summary}", error.detail)
    return diagnostic(f"{doing}: {error}")


class Servicer(rpc.ProviderServicer):
    """One provider process."""

    def __init__(self) -> None:
        self.schemas = Schemas.load()
        self.context: Context | None = None

    def _configured(self) -> Context:
        if self.context is None:
            raise ProviderError("the provider is not configured")
        return self.context

    def GetMetadata(self, _request: Any, _call: Any) -> Any:
        def names(blocks: dict[str, Block]) -> list[Any]:
            return [pb.GetMetadata.TypeName(type_name=name) for name in blocks]

        return pb.GetMetadata.Response(
            server_capabilities=pb.ServerCapabilities(get_provider_schema_optional=True),
            resources=names(self.schemas.resources),
            data_sources=names(self.schemas.data),
            ephemeral_resources=names(self.schemas.ephemeral),
        )

    def GetProviderSchema(self, _request: Any, _call: Any) -> Any:
        def messages(blocks: dict[str, Block]) -> dict[str, Any]:
            return {name: schema_message(block) for name, block in blocks.items()}

        return pb.GetProviderSchema.Response(
            provider=schema_message(self.schemas.provider),
            resource_schemas=messages(self.schemas.resources),
            data_source_schemas=messages(self.schemas.data),
            ephemeral_resource_schemas=messages(self.schemas.ephemeral),
            server_capabilities=pb.ServerCapabilities(get_provider_schema_optional=True),
        )

    def ValidateProviderConfig(self, _request: Any, _call: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, _call: Any) -> Any:
        kind = RESOURCES[request.type_name]
        problems = kind.problems(decode(request.config) or {})
        return pb.ValidateConfig.Response(diagnostics=[diagnostic(text, attribute=name) for name, text in problems])

    def ValidateDataResourceConfig(self, _request: Any, _call: Any) -> Any:
        return pb.ValidateConfig.Response()

    def ValidateEphemeralResourceConfig(self, _request: Any, _call: Any) -> Any:
        return pb.ValidateConfig.Response()

    def ConfigureProvider(self, request: Any, _call: Any) -> Any:
        try:
            self.context = configure(decode(request.config) or {})
        except ProviderError as error:
            return pb.ConfigureProvider.Response(diagnostics=[diagnostic(error.summary, error.detail)])
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, _call: Any) -> Any:
        state = self.schemas.resources[request.type_name].conform(json.loads(request.raw_state.json))
        return pb.UpgradeResourceState.Response(upgraded_state=dynamic(state))

    def PlanResourceChange(self, request: Any, _call: Any) -> Any:
        prior, proposed = decode(request.prior_state), decode(request.proposed_new_state)
        answer = pb.PlanResourceChange.Response(planned_private=request.prior_private, legacy_type_system=True)
        if proposed is None:
            answer.planned_state.CopyFrom(dynamic(None))
            return answer
        name = request.type_name
        tags = self._configured().default_tags
        planned, replaced = plan_change(RESOURCES[name], self.schemas.resources[name], prior, proposed, tags)
        answer.planned_state.CopyFrom(dynamic(planned))
        for attribute in replaced:
            answer.requires_replace.add().steps.add(attribute_name=attribute)
        return answer

    def ApplyResourceChange(self, request: Any, _call: Any) -> Any:
        prior, planned = decode(request.prior_state), decode(request.planned_state)
        verb = "deleting" if planned is None else "creating" if prior is None else "updating"
        try:
            state, problems = self._apply(request, prior, planned), []
        except AWS_ERRORS as error:
            state = getattr(error, "partial", None) or prior
            problems = [explain(f"{verb} {request.type_name}", error, self._configured())]
        block = self.schemas.resources[request.type_name]
        new = settled(block.conform(state)) if state else None
        return pb.ApplyResourceChange.Response(new_state=dynamic(new), diagnostics=problems, legacy_type_system=True)

    def _apply(self, request: Any, prior: Value | None, planned: Value | None) -> Value | None:
        resource = RESOURCES[request.type_name](self._configured())
        if planned is None:
            resource.remove(prior or {})
            return None
        config = decode(request.config) or {}
        secrets = {name: config.get(name) for name in self.schemas.resources[request.type_name].write_only()}
        wanted = {**deepcopy(planned), **secrets}
        state = resource.make(wanted) if prior is None else resource.change(prior, wanted)
        return {**state, **dict.fromkeys(secrets)}

    def ReadResource(self, request: Any, _call: Any) -> Any:
        name, current = request.type_name, decode(request.current_state)
        try:
            state = RESOURCES[name](self._configured()).look(current)
        except AWS_ERRORS as error:
            problem = explain(f"reading {name} ({current.get('id')})", error, self._configured())
            return pb.ReadResource.Response(diagnostics=[problem])
        new = settled(self.schemas.resources[name].conform(state))
        return pb.ReadResource.Response(new_state=dynamic(new), private=request.private)

    def ImportResourceState(self, request: Any, _call: Any) -> Any:
        state = self.schemas.resources[request.type_name].empty()
        try:
            state.update(RESOURCES[request.type_name](self._configured()).imported(request.id))
        except ProviderError as error:
            return pb.ImportResourceState.Response(diagnostics=[diagnostic(error.summary, error.detail)])
        except AWS_ERRORS as error:
            problem = explain(f"importing {request.type_name}", error, self._configured())
            return pb.ImportResourceState.Response(diagnostics=[problem])
        answer = pb.ImportResourceState.Response()
        answer.imported_resources.add(type_name=request.type_name, state=dynamic(state))
        return answer

    def ReadDataSource(self, request: Any, _call: Any) -> Any:
        block = self.schemas.data[request.type_name]
        state, problems = self._ask(data.SOURCES[request.type_name], request, block)
        return pb.ReadDataSource.Response(state=state, diagnostics=problems)

    def OpenEphemeralResource(self, request: Any, _call: Any) -> Any:
        block = self.schemas.ephemeral[request.type_name]
        result, problems = self._ask(ephemeral.SOURCES[request.type_name], request, block)
        return pb.OpenEphemeralResource.Response(result=result, diagnostics=problems)

    def _ask(self, source: Callable[[Context, Value], Value], request: Any, block: Block) -> tuple[Any, list[Any]]:
        config = decode(request.config)
        try:
            found = {**config, **source(self._configured(), config)}
        except AWS_ERRORS as error:
            return None, [explain(f"reading {request.type_name}", error, self._configured())]
        return dynamic(settled(block.conform(found))), []

    def CloseEphemeralResource(self, _request: Any, _call: Any) -> Any:
        return pb.CloseEphemeralResource.Response()

    def StopProvider(self, _request: Any, _call: Any) -> Any:
        # The call in flight finishes and is saved, as with the real provider; stopping here would orphan what it makes.
        return pb.StopProvider.Response()
