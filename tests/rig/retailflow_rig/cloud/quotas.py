"""Quotas of more services than moto has, and the few prices a test needs, from files that say where they are from."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend

from retailflow_rig.cloud.answers import json_answer
from retailflow_rig.cloud.calls import Environ
from retailflow_rig.cloud.faults import App, Start
from retailflow_rig.cloud.settings import SETTINGS

_FIXTURES = Path(__file__).parent / "fixtures"


def correct() -> None:
    """Lets Service Quotas answer for what is in `quotas.json`."""
    ServiceQuotasBackend.get_service_quota = _quota
    ServiceQuotasBackend.list_aws_default_service_quotas = _quotas


def _quotas(_backend: Any, service_code: str) -> list[dict[str, Any]]:
    found = [quota for quota in _read("quotas.json")["quotas"] if quota["ServiceCode"] == service_code]
    if not found:
        raise NoSuchResource
    return [{**quota, "Value": SETTINGS.quotas.get(quota["QuotaCode"], quota["Value"])} for quota in found]


def _quota(backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
    for quota in _quotas(backend, service_code):
        if quota["QuotaCode"] == quota_code:
            return quota
    raise NoSuchResource


def _read(name: str) -> dict[str, Any]:
    return json.loads((_FIXTURES / name).read_text(encoding="utf-8"))


class Prices:
    """The layer that answers for Pricing, which moto has not; `app` is what it wraps."""

    def __init__(self, app: App) -> None:
        self.app = app

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers `GetProducts`, the one operation in use, and passes on what is not Pricing's."""
        call = environ["rig.call"]
        if call.service != "pricing":
            return self.app(environ, start)
        if call.action != "GetProducts":
            status = "400 Bad Request"
            answer = {"__type": "UnknownOperationException", "message": f"the test rig does not know {call.action}"}
        else:
            asked = json.loads(environ["wsgi.input"].read())
            status, answer = "200 OK", {"FormatVersion": "aws_v1", "PriceList": list(map(json.dumps, _products(asked)))}
        headers, body = json_answer(answer)
        start(status, headers)
        return [body]


def _products(asked: dict[str, Any]) -> list[dict[str, Any]]:
    fixture = _read("prices.json")
    wanted = {entry["Field"]: entry["Value"] for entry in asked.get("Filters") or []}
    return [
        _product(number, product, fixture["date"])
        for number, product in enumerate(fixture["products"])
        if product["service"] == asked["ServiceCode"] and wanted.items() <= product["attributes"].items()
    ]


def _product(number: int, product: dict[str, Any], date: str) -> dict[str, Any]:
    """One entry of a price list as Pricing words it; the SKUs are the rig's own."""
    sku = f"RIG{number:013d}"
    dimension = {
        "rateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "unit": product["unit"],
        "beginRange": "0",
        "endRange": "Inf",
        "description": product["description"],
        "appliesTo": [],
        "pricePerUnit": {"USD": product["usd"]},
    }
    term = {
        "offerTermCode": "JRTCKXETXF",
        "sku": sku,
        "effectiveDate": f"{date}T00:00:00Z",
        "priceDimensions": {dimension["rateCode"]: dimension},
        "termAttributes": {},
    }
    return {
        "product": {"productFamily": product["family"], "attributes": product["attributes"], "sku": sku},
        "serviceCode": product["service"],
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
        "version": date.replace("-", ""),
        "publicationDate": f"{date}T00:00:00Z",
    }
