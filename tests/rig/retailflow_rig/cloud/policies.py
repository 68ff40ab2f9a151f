"""IAM's simulation of policies, which moto has not: it allows all that the settings do not say otherwise of."""

from typing import Any

from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse

from retailflow_rig.cloud.settings import SETTINGS


def correct() -> None:
    """Lets IAM answer `SimulatePrincipalPolicy`."""
    IamResponse.simulate_principal_policy = _simulate


def _simulate(response: Any) -> ActionResult:
    actions = response._get_param("ActionNames", [])
    return ActionResult({"EvaluationResults": [_evaluate(action) for action in actions], "IsTruncated": False})


def _evaluate(action: str) -> dict[str, Any]:
    decision = SETTINGS.decisions.get(action, "allowed")
    return {"EvalActionName": action, "EvalResourceName": "*", "EvalDecision": decision, "MatchedStatements": []}
