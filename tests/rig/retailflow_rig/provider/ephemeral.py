"""The ephemeral resources in use: values that live for one run and are stored nowhere."""

from collections.abc import Callable

from retailflow_rig.provider.context import Context
from retailflow_rig.provider.resources.base import given
from retailflow_rig.provider.schema import Value


def random_password(context: Context, config: Value) -> Value:
    """`aws_secretsmanager_random_password`."""
    names = {
        "PasswordLength": "password_length",
        "ExcludeNumbers": "exclude_numbers",
        "ExcludePunctuation": "exclude_punctuation",
        "ExcludeUppercase": "exclude_uppercase",
        "ExcludeLowercase": "exclude_lowercase",
        "IncludeSpace": "include_space",
        "RequireEachIncludedType": "require_each_included_type",
    }
    answer = context.client("secretsmanager").get_random_password(**given(config, names))
    return {"random_password": answer["RandomPassword"]}


SOURCES: dict[str, Callable[[Context, Value], Value]] = {"aws_secretsmanager_random_password": random_password}
