"""What a configured provider knows: the account, the region, the default tags, and clients for the services."""

import os
import threading
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound
from botocore.loaders import create_loader
from botocore.session import Session

from retailflow_rig.provider.schema import Value

# Of the whole process, so that what one provider has read of AWS's descriptions another need not read again.
LOADER = create_loader()


class ProviderError(Exception):
    """An error to show as the provider's; `partial` is the state that an unfinished create leaves behind."""

    def __init__(self, summary: str, detail: str = "", partial: Value | None = None) -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.partial = partial


@dataclass
class Context:
    """A configured provider."""

    session: Session
    region: str
    account: str
    default_tags: dict[str, str]
    endpoints: dict[str, str]
    clients: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str) -> Any:
        """The client of a service, made once."""
        with self.lock:
            if service not in self.clients:
                endpoint = self.endpoints.get(service) or os.environ.get("AWS_ENDPOINT_URL")
                client = self.session.create_client(service, region_name=self.region, endpoint_url=endpoint)
                self.clients[service] = client
            return self.clients[service]

    def service_of(self, operation: str) -> str:
        """An operation with its service, as AWS's SDK for Go names them: `EC2: CreateVpc`."""
        services = (client.meta.service_model for client in self.clients.values())
        found = next((one.service_id for one in services if operation in one.operation_names), "AWS")
        return f"{found}: {operation}"

    def own_tags(self, tags_all: dict[str, str]) -> dict[str, str] | None:
        """The tags of one resource without those that every resource gets."""
        return {key: value for key, value in tags_all.items() if self.default_tags.get(key) != value} or None


def configure(config: Value) -> Context:
    """A context from the `provider "aws"` block; raises `ProviderError` where the real provider refuses."""
    region = config.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise ProviderError(
            "Invalid provider configuration", "Missing region: set it in the configuration or the environment."
        )
    session = _session(config)
    endpoints = {name: url for block in config.get("endpoints") or [] for name, url in block.items() if url}
    tags = {
        key: value for block in config.get("default_tags") or [] for key, value in (block.get("tags") or {}).items()
    }
    context = Context(session, region, "", tags, endpoints)
    if not config.get("skip_credentials_validation"):
        context.account = _account(context)
    allowed = config.get("allowed_account_ids")
    if allowed and context.account not in allowed:
        raise ProviderError(f"AWS account ID not allowed: {context.account}")
    return context


def _session(config: Value) -> Session:
    # AWS's SDK for Go takes an empty variable for none, its SDK for Python does not.
    for name in [name for name, value in os.environ.items() if name.startswith("AWS_") and not value]:
        del os.environ[name]
    session = Session(profile=config.get("profile"))
    session.register_component("data_loader", LOADER)
    try:
        session.get_scoped_config()
    except ProfileNotFound as error:
        raise ProviderError(f"failed to get shared config profile, {config.get('profile')}") from error
    if config.get("access_key"):
        session.set_credentials(config["access_key"], config.get("secret_key"), config.get("token"))
    return session


def _account(context: Context) -> str:
    try:
        return context.client("sts").get_caller_identity()["Account"]
    except NoCredentialsError as error:
        raise ProviderError("No valid credential sources found", "Set a profile, static keys or a role.") from error
    except (ClientError, BotoCoreError) as error:
        raise ProviderError("Retrieving AWS account details: validating provider credentials", str(error)) from error
