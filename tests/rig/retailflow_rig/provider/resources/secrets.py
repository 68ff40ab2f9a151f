"""Secrets and their values, which arrive write-only."""

from retailflow_rig.provider.resources.base import Resource, given, id_parts, pairs, unpaired
from retailflow_rig.provider.schema import Value


class Secret(Resource):
    """`aws_secretsmanager_secret`."""

    service = "secretsmanager"
    force_new = ("name",)
    defaults = {"recovery_window_in_days": 30, "force_overwrite_replica_secret": False}
    conflicts = (("name", "name_prefix"),)

    def create(self, plan: Value) -> None:
        names = {"Name": "name", "Description": "description"}
        plan["id"] = self.aws.create_secret(**given(plan, names), Tags=pairs(plan["tags_all"]))["ARN"]

    def read(self, state: Value) -> Value | None:
        found = self.aws.describe_secret(SecretId=state["id"])
        if "DeletedDate" in found:
            return None
        return {
            "name": found["Name"],
            "arn": found["ARN"],
            "description": found.get("Description", ""),
            "tags_all": unpaired(found.get("Tags")),
        }

    def update(self, prior: Value, plan: Value) -> None:
        if plan["description"] != prior["description"]:
            self.aws.update_secret(SecretId=prior["id"], Description=plan["description"] or "")
        self.aws.tag_resource(SecretId=prior["id"], Tags=pairs(plan["tags_all"]))

    def delete(self, state: Value) -> None:
        days = int(state.get("recovery_window_in_days") or 0)
        how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        self.aws.delete_secret(SecretId=state["id"], **how)


class SecretVersion(Resource):
    """`aws_secretsmanager_secret_version`."""

    service = "secretsmanager"
    force_new = ("secret_id", "secret_string", "secret_binary", "secret_string_wo_version")
    conflicts = (("secret_string", "secret_string_wo"),)

    def create(self, plan: Value) -> None:
        plan["has_secret_string_wo"] = plan["secret_string_wo"] is not None
        value = plan["secret_string_wo"] or plan["secret_string"]
        version = self.aws.put_secret_value(SecretId=plan["secret_id"], SecretString=value)["VersionId"]
        plan["id"] = f"{plan['secret_id']}|{version}"

    def read(self, state: Value) -> Value | None:
        secret, version = state["id"].split("|")
        described = self.aws.describe_secret(SecretId=secret)
        stages = described.get("VersionIdsToStages", {})
        if version not in stages or "DeletedDate" in described:
            return None
        hidden = bool(state["has_secret_string_wo"])
        value = None if hidden else self.aws.get_secret_value(SecretId=secret, VersionId=version).get("SecretString")
        return {
            "arn": described["ARN"],
            "secret_id": secret,
            "secret_string": value,
            "version_id": version,
            "version_stages": stages[version],
            "has_secret_string_wo": hidden,
        }

    def delete(self, state: Value) -> None:
        """It goes with its secret."""

    def imported(self, identifier: str) -> Value:
        """Nothing says that the value was written write-only, so the read that follows takes it into the state."""
        secret, version = id_parts(identifier, "|", "SECRET_ID|VERSION_ID")
        return {"id": f"{secret}|{version}", "secret_id": secret, "version_id": version}


TYPES = {"aws_secretsmanager_secret": Secret, "aws_secretsmanager_secret_version": SecretVersion}
